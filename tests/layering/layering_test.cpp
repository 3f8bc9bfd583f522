#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/source_dir.h"

namespace fs = std::filesystem;

namespace {

/// The folders that each folder of src/ may include besides itself: the picture of docs/style.md as a table.
const std::map<std::string, std::set<std::string>> may_include = {
    {"base", {}},
    {"io", {"base"}},
    {"text", {"base", "io"}},
    {"graph", {"base"}},
    {"backend", {"base", "graph"}},
    {"models", {"base", "io", "text", "graph"}},
    {"network", {"base", "io", "text", "graph", "models"}},
    {"diffusion", {"base", "io", "text", "graph"}},
    {"optim", {"base", "io", "text", "graph"}},
    {"data", {"base", "io", "text"}},
    {"watch", {"base", "io", "text"}},
    {"step", {"base", "io", "text", "graph", "backend", "models", "network", "diffusion", "optim"}},
    {"sample", {"base", "io", "text", "graph", "backend", "models", "network", "diffusion", "optim", "step", "watch"}},
    {"run",
     {"base", "io", "text", "graph", "backend", "models", "network", "diffusion", "optim", "data", "step", "sample",
      "watch"}},
    {"measure",
     {"base", "io", "text", "graph", "backend", "models", "network", "diffusion", "optim", "data", "step", "sample",
      "watch", "run"}},
    {"cli",
     {"base", "io", "text", "graph", "backend", "models", "network", "diffusion", "optim", "data", "step", "sample",
      "watch", "run", "measure"}},
};

/// Libraries that take long to compile: a header that includes one makes every file that includes the header pay.
const std::vector<std::string> heavy = {"nlohmann/json.hpp", "toml++/", "opencv2/", "spdlog/", "fmt/", "dnnl",
                                        "oneapi/",           "hwy/",    "unicode/"};

struct Include {
  fs::path file;  ///< relative to src/
  int line = 0;
  std::string target;
  bool of_project = false;  ///< a file of the project
};

std::vector<Include> all_includes() {
  const fs::path src = fs::path(source_dir()) / "src";
  const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  for (const auto& entry : fs::recursive_directory_iterator(src)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
    std::ifstream in(entry.path());
    std::string line;
    for (int number = 1; std::getline(in, line); ++number)
      if (std::smatch match; std::regex_search(line, match, pattern))
        // Highway's own files are by its convention included in quotes.
        includes.push_back({fs::relative(entry.path(), src), number, match[2],
                            match[1] == "\"" && !match[2].str().starts_with("hwy/")});
  }
  return includes;
}

}  // namespace

TEST_CASE("every folder of src includes only layers below its own") {
  const std::vector<Include> includes = all_includes();
  REQUIRE(includes.size() > 10);
  for (const Include& include : includes) {
    if (!include.of_project) continue;
    CAPTURE(include.file.string());
    CAPTURE(include.line);
    CAPTURE(include.target);
    const std::string from = include.file.begin()->string();
    const std::string to = fs::path(include.target).begin()->string();
    const auto rule = may_include.find(from);
    REQUIRE_MESSAGE(rule != may_include.end(), "a folder the table of layers does not know");
    CHECK((from == to || rule->second.contains(to)));
  }
}

TEST_CASE("included files of the project are named by their path below src") {
  const fs::path src = fs::path(source_dir()) / "src";
  for (const Include& include : all_includes()) {
    if (!include.of_project) continue;
    CAPTURE(include.file.string());
    CAPTURE(include.target);
    CHECK(fs::exists(src / include.target));
  }
}

TEST_CASE("the backends do not include each other") {
  for (const Include& include : all_includes()) {
    const fs::path target = include.target;
    if (!include.of_project || *include.file.begin() != "backend" || *target.begin() != "backend") continue;
    const bool file_is_of_one = std::distance(include.file.begin(), include.file.end()) > 2;
    const bool target_is_of_one = std::distance(target.begin(), target.end()) > 2;
    if (!file_is_of_one || !target_is_of_one) continue;
    CAPTURE(include.file.string());
    CAPTURE(include.target);
    CHECK(*std::next(include.file.begin()) == *std::next(target.begin()));
  }
}

TEST_CASE("no header includes a heavy library") {
  for (const Include& include : all_includes()) {
    // A library's own thin place (src/backend/cpu) has a header that only its neighbours include.
    if (include.file.extension() != ".h" || include.file.string().starts_with("backend/cpu/")) continue;
    CAPTURE(include.file.string());
    CAPTURE(include.target);
    CHECK(std::none_of(heavy.begin(), heavy.end(),
                       [&](const std::string& library) { return include.target.starts_with(library); }));
  }
}
