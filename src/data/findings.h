#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace rankine {

/// How grave something is that was found in a dataset.
enum class Severity {
  error,    ///< stops training
  warning,  ///< can be trained with, and is perhaps not meant
  note,     ///< was taken care of
};

/// Something found in a file or folder.
struct Finding {
  Severity severity = Severity::error;
  std::string path{};
  std::string reason{};  ///< the same text for all files that have it
  std::string detail{};  ///< of this file
};

/// Collects what is found, so that all of it is said at once.
class Findings {
 public:
  /// Readers begin their messages with the file's path; it is taken off.
  void error(const std::string& path, const std::string& reason);
  void warning(const std::string& path, const std::string& reason, const std::string& detail = "");
  void note(const std::string& path, const std::string& reason, const std::string& detail = "");
  /// A picture that cannot be trained on: an error, or with `skip_broken` a warning that it is left out.
  void broken(const std::string& path, const std::string& reason);

  bool skip_broken = false;

  const std::vector<Finding>& all() const { return findings_; }
  int64_t count(Severity severity) const;

 private:
  void add(Severity severity, const std::string& path, const std::string& reason, const std::string& detail);
  std::vector<Finding> findings_;
  std::set<std::string> said_;
};

/// Says warnings and notes to the log, files of a folder that share a reason in one line, of which the first few are
/// named. Throws one Error with all errors, if there are any. The warnings that were said.
std::vector<std::string> report(const Findings& findings);

/// Everything that was found, for people: under a heading for each severity a line a finding, and where several files
/// of a folder share a reason, the reason once with the files below it. Empty when nothing was found.
std::string report_text(const Findings& findings);

/// "1 error, 2 warnings, 3 notes"; "nothing" when there are none.
std::string counts_text(const Findings& findings);

}  // namespace rankine
