#include "data/findings.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/log.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNamesInLog = 5;
constexpr std::pair<Severity, std::string_view> kNames[] = {
    {Severity::error, "error"}, {Severity::warning, "warning"}, {Severity::note, "note"}};

std::string counted(int64_t count, std::string_view one) { return concat_text(count, ' ', one, count == 1 ? "" : "s"); }

std::string with_detail(const std::string& name, const Finding& finding) {
  return finding.detail.empty() ? name : concat_text(name, " (", finding.detail, ")");
}

using Group = std::vector<const Finding*>;

/// Groups the findings of a severity by folder and reason, in the order of each group's first finding.
std::vector<Group> groups_of(const Findings& findings, Severity severity) {
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, size_t> by_reason;
  for (const Finding& finding : findings.all()) {
    if (finding.severity != severity) continue;
    const std::pair key(fs::path(finding.path).parent_path().string(), finding.reason);
    const auto [known, is_new] = by_reason.try_emplace(key, groups.size());
    if (is_new) groups.emplace_back();
    groups[known->second].push_back(&finding);
  }
  return groups;
}

std::string single_line(const Finding& finding) {
  const std::string reason = with_detail(finding.reason, finding);
  return finding.path.empty() ? reason : finding.path + ": " + reason;
}

/// "FOLDER: 12 files: REASON"
std::string shared_line(const Group& group) {
  const Finding& first = *group.front();
  return concat_text(fs::path(first.path).parent_path().string(), ": ", group.size(), " files: ", first.reason);
}

std::string name_in(const Finding& finding) { return with_detail(fs::path(finding.path).filename().string(), finding); }

std::string log_line(const Group& group) {
  if (group.size() == 1) return single_line(*group.front());
  std::string text = shared_line(group);
  const size_t named = std::min(kNamesInLog, group.size());
  for (size_t i = 0; i < named; ++i) text += (i ? ", " : ": ") + name_in(*group[i]);
  if (named < group.size()) text += concat_text(" and ", group.size() - named, " more (rankine dataset check)");
  return text;
}

std::string without_path(const std::string& reason, const std::string& path) {
  const std::string before = path + ": ";
  return reason.starts_with(before) ? reason.substr(before.size()) : reason;
}

}  // namespace

void Findings::add(Severity severity, const std::string& path, const std::string& reason, const std::string& detail) {
  Finding finding{severity, path, without_path(reason, path), detail};
  // Each dataset that uses a file checks it.
  if (said_.insert(single_line(finding)).second) findings_.push_back(std::move(finding));
}

void Findings::error(const std::string& path, const std::string& reason) { add(Severity::error, path, reason, ""); }
void Findings::warning(const std::string& path, const std::string& reason, const std::string& detail) {
  add(Severity::warning, path, reason, detail);
}
void Findings::note(const std::string& path, const std::string& reason, const std::string& detail) {
  add(Severity::note, path, reason, detail);
}

void Findings::broken(const std::string& path, const std::string& reason) {
  if (skip_broken)
    warning(path, "left out: " + without_path(reason, path));
  else
    error(path, reason);
}

int64_t Findings::count(Severity severity) const { return std::ranges::count(findings_, severity, &Finding::severity); }

std::vector<std::string> report(const Findings& findings) {
  for (const Group& group : groups_of(findings, Severity::note)) log::info(log_line(group));
  std::vector<std::string> warnings;
  for (const Group& group : groups_of(findings, Severity::warning)) warnings.push_back(log_line(group));
  for (const std::string& warning : warnings) log::warning(warning);
  const int64_t errors = findings.count(Severity::error);
  if (errors == 0) return warnings;
  std::string text = concat_text("the dataset cannot be trained on, ", errors,
                                 errors == 1 ? " fault was found:" : " faults were found:");
  for (const Finding& finding : findings.all())
    if (finding.severity == Severity::error) text += "\n  " + single_line(finding);
  fail(text);
}

std::string report_text(const Findings& findings) {
  std::string text;
  for (const auto& [severity, name] : kNames) {
    const int64_t count = findings.count(severity);
    if (count == 0) continue;
    text += concat_text(text.empty() ? "" : "\n", counted(count, name), '\n');
    for (const Group& group : groups_of(findings, severity)) {
      text += "  " + (group.size() == 1 ? single_line(*group.front()) : shared_line(group)) + '\n';
      if (group.size() > 1)
        for (const Finding* finding : group) text += "    " + name_in(*finding) + '\n';
    }
  }
  return text;
}

std::string counts_text(const Findings& findings) {
  std::string text;
  for (const auto& [severity, name] : kNames)
    if (const int64_t count = findings.count(severity); count > 0)
      text += (text.empty() ? "" : ", ") + counted(count, name);
  return text.empty() ? "nothing" : text;
}

}  // namespace rankine
