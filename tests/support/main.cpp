// The entry point of every test executable. Where golden cases were met, the last line says how many ran and how many
// were skipped and why; RANKINE_GOLDEN_ACCOUNT names a file to leave that account in, for the sum over all executables.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>

#include "support/accounting.h"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  const rankine::golden::Account& account = rankine::golden::account();
  if (context.shouldExit() || account.empty()) return result;
  if (const char* file = std::getenv("RANKINE_GOLDEN_ACCOUNT"); file != nullptr && *file != '\0')
    rankine::golden::write_account(account, file);
  std::cout << rankine::golden::summary(account) << std::endl;
  return result;
}
