#include <doctest/doctest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "support/source_dir.h"

namespace fs = std::filesystem;

namespace {

const fs::path root = source_dir();

std::vector<fs::path> documents() {
  std::vector<fs::path> files = {root / "README.md", root / "CHANGELOG.md", root / "CONTRIBUTING.md"};
  for (const auto& entry : fs::recursive_directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") files.push_back(entry.path());
  return files;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The heading as GitHub's anchor: lower case, spaces as dashes, other signs left out.
bool has_heading(const fs::path& file, const std::string& anchor) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#')) continue;
    std::string made;
    for (const char c : line.substr(line.find_first_not_of("# ")))
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-')
        made += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      else if (c == ' ')
        made += '-';
    if (made == anchor) return true;
  }
  return false;
}

/// Characters of UTF-8 text.
size_t characters(const std::string& line) {
  size_t count = 0;
  for (const char c : line) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace

TEST_CASE("every link in the documents leads to a file and a heading that exist") {
  const std::regex link(R"(\]\(([^)\s]+)\))");
  int links = 0;
  for (const fs::path& file : documents()) {
    const std::string text = text_of(file);
    for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
      const std::string target = (*it)[1];
      if (target.starts_with("http")) continue;
      CAPTURE(file.string());
      CAPTURE(target);
      const size_t hash = target.find('#');
      const fs::path path = hash == 0 ? file : file.parent_path() / target.substr(0, hash);
      CHECK(fs::exists(path));
      if (hash != std::string::npos) CHECK(has_heading(path, target.substr(hash + 1)));
      ++links;
    }
  }
  CHECK(links > 20);
}

TEST_CASE("every path below src, tests, bench or scripts that the documents name exists") {
  const std::regex path("[`\\s(]((?:src|tests|bench|scripts)/[A-Za-z0-9_./-]*[A-Za-z0-9_/])");
  int paths = 0;
  for (const fs::path& file : documents()) {
    const std::string text = text_of(file);
    for (std::sregex_iterator it(text.begin(), text.end(), path), end; it != end; ++it) {
      const std::string name = (*it)[1];
      // NAME, SUBJECT and PART stand for a name of the reader's; the rest of a pattern follows a star.
      const char next = it->suffix().length() > 0 ? *it->suffix().first : ' ';
      if (next == '*' || std::regex_search(name, std::regex("[A-Z]{4}"))) continue;
      CAPTURE(file.string());
      CAPTURE(name);
      CHECK(fs::exists(root / name));
      ++paths;
    }
  }
  CHECK(paths > 50);
}

TEST_CASE("lines of the documents have at most 120 characters") {
  for (const fs::path& file : documents()) {
    if (file.filename() == "flags.md") continue;  // written by `rankine help --markdown`
    CAPTURE(file.string());
    std::ifstream in(file);
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      CAPTURE(number);
      CHECK(characters(line) <= 120);
    }
  }
}
