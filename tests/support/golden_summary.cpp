// golden_summary FOLDER: one line for the accounts of golden cases that the test executables left in FOLDER.
#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "support/accounting.h"

int main(int argc, char** argv) {
  try {
    rankine::check(argc == 2, "usage: golden_summary FOLDER");
    rankine::golden::Account account;
    if (std::filesystem::is_directory(argv[1]))
      for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
        rankine::golden::read_account(entry.path(), account);
    std::cout << rankine::golden::summary(account) << std::endl;
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "golden_summary: " << e.what() << std::endl;
    return 1;
  }
}
