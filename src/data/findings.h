#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace rankine {

/// The severity of a finding.
enum class Severity {
  error,    ///< stops training
  warning,  ///< training is possible, but perhaps not intended
  note,     ///< already handled
};

/// A fault or hint about a file or folder.
struct Finding {
  Severity severity = Severity::error;
  std::string path{};
  std::string reason{};  ///< the same text for all files that share it
  std::string detail{};  ///< specific to this file
};

/// Collects findings, so that all of them are reported at once.
class Findings {
 public:
  /// Adds an error. Removes the path if the reader's message begins with it.
  void error(const std::string& path, const std::string& reason, const std::string& detail = "");
  void warning(const std::string& path, const std::string& reason, const std::string& detail = "");
  void note(const std::string& path, const std::string& reason, const std::string& detail = "");
  /// Adds an unusable picture: an error, or with `skip_broken` a warning that it is left out.
  void broken(const std::string& path, const std::string& reason);

  bool skip_broken = false;

  const std::vector<Finding>& all() const { return findings_; }
  int64_t count(Severity severity) const;

 private:
  void add(Severity severity, const std::string& path, const std::string& reason, const std::string& detail);
  std::vector<Finding> findings_;
  std::set<std::string> said_;
};

/// Logs warnings and notes: one line for all files and folders that share a reason, with the first few names. Throws
/// one Error with all errors, if there are any. Returns the logged warnings.
std::vector<std::string> report(const Findings& findings);

/// The findings, for people: a heading per severity and a line per finding. If several files share a reason, it appears
/// once with the files below it, also across folders. Names all files of an error, and the first twenty of a warning or
/// note unless `all_names`. Empty without findings.
std::string report_text(const Findings& findings, bool all_names = false);

/// "1 error, 2 warnings, 3 notes"; "nothing" without findings.
std::string counts_text(const Findings& findings);

}  // namespace rankine
