// Limits on the length of files and functions, and the table of folders in the documentation.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "layering/source_files.h"
#include "support/source_dir.h"

namespace {

constexpr size_t longest_file = 500, longest_function = 90;

/// Files that may be longer, with the reason.
const std::map<std::string, std::string> long_files = {
    {"tests/graph/op_cases.cpp", "one table: a row for each op"},
};

/// Functions that may be longer, named by file and by a part of their first line, with the reason.
struct LongFunction {
  const char *path, *part, *why;
};
const std::vector<LongFunction> long_functions = {
    {"src/io/pickle.cpp", "step(unsigned char", "one switch: a case for each opcode"},
    {"src/backend/cpu/kernel_table.cpp", "kernels()", "one table: a row for each op"},
    {"tests/graph/op_cases.cpp", "op_cases()", "one table: a row for each op"},
    {"tests/data/dataset_check_test.cpp", "kinds()", "one table: a row for each kind of fault"},
    {"tests/io/npz_test.cpp", "every kind of malformed file", "one table: a row for each kind of file"},
};

struct Function {
  std::string first_line;
  size_t line = 0, length = 0;
};

/// Functions at the outermost level or directly in a class, found by clang-format's indentation: from a line that ends
/// with `{` and has parentheses to the next `}` in the same column. Tables end with `= {` and are no functions.
std::vector<Function> functions(const SourceFile& file) {
  static const std::regex other(R"(^\s*(namespace|class|struct|enum|union|extern)\b|=\s*\{$)");
  std::map<size_t, Function> open;  // by column
  std::vector<Function> found;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    const size_t column = line.find_first_not_of(' ');
    if (column != 0 && column != 2) continue;
    if (line[column] == '}') {
      if (const auto begun = open.find(column); begun != open.end()) {
        begun->second.length = i + 1 - begun->second.line + 1;
        found.push_back(begun->second);
        open.erase(begun);
      }
    } else if (line.ends_with("{") && line.find('(') != std::string::npos && !std::regex_search(line, other)) {
      open[column] = {line, i + 1};
    }
  }
  return found;
}

}  // namespace

TEST_CASE("no file has more lines than one reads in a sitting") {
  for (const SourceFile& file : source_files({"src", "tests", "bench"})) {
    const bool is_long = file.lines.size() > longest_file;
    CHECK_MESSAGE(is_long == long_files.contains(file.path), file.path, " has ", file.lines.size(), " lines; at most ",
                  longest_file, " are allowed: look for the second subject in it");
  }
}

TEST_CASE("no function is longer than a screen or two") {
  std::set<const LongFunction*> needed;
  size_t functions_seen = 0;
  for (const SourceFile& file : source_files({"src", "tests", "bench"}))
    for (const Function& function : functions(file)) {
      ++functions_seen;
      if (function.length <= longest_function) continue;
      const auto exception = std::ranges::find_if(long_functions, [&](const LongFunction& f) {
        return file.path == f.path && function.first_line.find(f.part) != std::string::npos;
      });
      if (exception != long_functions.end()) {
        needed.insert(&*exception);
        continue;
      }
      CHECK_MESSAGE(false, file.path, ":", function.line, " has ", function.length, " lines, more than ",
                    longest_function, ": ", function.first_line);
    }
  CHECK(functions_seen > 1000);
  for (const LongFunction& f : long_functions)
    CHECK_MESSAGE(needed.contains(&f), f.path, ": ", f.part, " is short now: take it off the list");
}

TEST_CASE("the table of folders in docs/style.md is what src holds") {
  namespace fs = std::filesystem;
  const fs::path root = source_dir();
  std::set<std::string> there, listed;
  for (const auto& entry : fs::directory_iterator(root / "src"))
    if (entry.is_directory()) there.insert(entry.path().filename().string());
  std::ifstream in(root / "docs/style.md");
  const std::regex row(R"(^\| `src/([a-z_/]+)/`)");
  for (std::string line; std::getline(in, line);)
    if (std::smatch match; std::regex_search(line, match, row)) {
      const std::string folder = match[1];
      listed.insert(folder.substr(0, folder.find('/')));
      CHECK_MESSAGE(fs::is_directory(root / "src" / folder), "docs/style.md names src/", folder);
    }
  for (const std::string& folder : there)
    CHECK_MESSAGE(listed.contains(folder), "docs/style.md has no row for src/", folder);
}
