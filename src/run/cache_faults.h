#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rankine {

/// The cache files of a run that were of no use.
struct CacheFaults {
  std::map<std::string, std::vector<std::string>> refused{};  ///< files that are there and do not count, by reason
  int64_t unwritten = 0;                                      ///< files that could not be written ...
  std::string write_fault{};                                  ///< ... the first of them, and why
  std::vector<std::string> without_file{};  ///< pictures whose file would have the name of another picture's
};

/// A line for each kind of fault; empty where there is none. `kept`: "latents", the contents of the files.
std::string faults_text(const CacheFaults& faults, const std::string& kept);

}  // namespace rankine
