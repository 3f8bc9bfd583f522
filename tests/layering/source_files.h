#pragma once
#include <filesystem>
#include <string>
#include <vector>

/// The project's own sources, as the structural tests read them.
struct SourceFile {
  std::string path;  ///< relative to the repository: "src/io/pickle.cpp"
  std::vector<std::string> lines;
};

/// All C++ sources below the given folders of the repository, such as {"src", "tests"}.
std::vector<SourceFile> source_files(const std::vector<std::string>& folders);

/// The line without its `//` comment. A `//` inside a string literal is no comment.
std::string without_comment(const std::string& line);

bool is_below(const std::string& path, const std::vector<std::string>& prefixes);
