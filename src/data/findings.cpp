#include "data/findings.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <span>

#include "base/error.h"
#include "base/log.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNamesInLog = 5;
/// In an error that stops a run and in the check: enough to see a pattern, few enough to read.
constexpr size_t kNamesInReport = 20;
constexpr std::pair<Severity, std::string_view> kNames[] = {
    {Severity::error, "error"}, {Severity::warning, "warning"}, {Severity::note, "note"}};

std::string counted(int64_t count, std::string_view one) { return concat_text(count, ' ', one, count == 1 ? "" : "s"); }

std::string with_detail(const std::string& name, const Finding& finding) {
  return finding.detail.empty() ? name : concat_text(name, " (", finding.detail, ")");
}

/// Findings of one severity that share a reason.
using Group = std::vector<const Finding*>;

/// The groups of a severity, in the order of each group's first finding.
std::vector<Group> groups_of(const Findings& findings, Severity severity) {
  std::vector<Group> groups;
  std::map<std::string, size_t> by_reason;
  for (const Finding& finding : findings.all()) {
    if (finding.severity != severity) continue;
    const auto [known, is_new] = by_reason.try_emplace(finding.reason, groups.size());
    if (is_new) groups.emplace_back();
    groups[known->second].push_back(&finding);
  }
  return groups;
}

std::string folder_of(const Finding& finding) { return fs::path(finding.path).parent_path().string(); }

/// True if the files of a group lie in one folder, which is then named once.
bool is_in_one_folder(const Group& group) {
  return std::ranges::all_of(group, [&](const Finding* f) { return folder_of(*f) == folder_of(*group.front()); });
}

std::string single_line(const Finding& finding) {
  const std::string reason = with_detail(finding.reason, finding);
  return finding.path.empty() ? reason : finding.path + ": " + reason;
}

/// "FOLDER: 12 files: REASON", or "12 files in 3 folders: REASON", or "12 folders: REASON"
std::string shared_line(const Group& group) {
  const Finding& first = *group.front();
  std::error_code unknown;
  const std::string count = counted(std::ssize(group), fs::is_directory(first.path, unknown) ? "folder" : "file");
  if (is_in_one_folder(group)) return concat_text(folder_of(first), ": ", count, ": ", first.reason);
  if (count.ends_with("folders")) return concat_text(count, ": ", first.reason);
  std::set<std::string> folders;
  for (const Finding* finding : group) folders.insert(folder_of(*finding));
  return concat_text(count, " in ", counted(std::ssize(folders), "folder"), ": ", first.reason);
}

/// The names of a group's files, at most `most`: without their folder if they share it.
std::vector<std::string> names_of(const Group& group, size_t most) {
  const bool is_short = is_in_one_folder(group);
  std::vector<std::string> names;
  for (const Finding* finding : std::span(group).first(std::min(most, group.size())))
    names.push_back(with_detail(is_short ? fs::path(finding->path).filename().string() : finding->path, *finding));
  return names;
}

std::string log_line(const Group& group, size_t most) {
  if (group.size() == 1) return single_line(*group.front());
  std::string text = shared_line(group);
  const std::vector<std::string> names = names_of(group, most);
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : ": ") + names[i];
  if (names.size() < group.size())
    text += concat_text(" and ", group.size() - names.size(), " more (rankine dataset check)");
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

void Findings::error(const std::string& path, const std::string& reason, const std::string& detail) {
  add(Severity::error, path, reason, detail);
}
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
  for (const Group& group : groups_of(findings, Severity::note)) log::info(log_line(group, kNamesInLog));
  std::vector<std::string> warnings;
  for (const Group& group : groups_of(findings, Severity::warning)) warnings.push_back(log_line(group, kNamesInLog));
  for (const std::string& warning : warnings) log::warning(warning);
  const int64_t errors = findings.count(Severity::error);
  if (errors == 0) return warnings;
  std::string text = concat_text("the dataset cannot be trained on, ", errors,
                                 errors == 1 ? " fault was found:" : " faults were found:");
  for (const Group& group : groups_of(findings, Severity::error)) text += "\n  " + log_line(group, kNamesInReport);
  fail(text);
}

std::string report_text(const Findings& findings, bool all_names) {
  std::string text;
  for (const auto& [severity, name] : kNames) {
    const int64_t count = findings.count(severity);
    if (count == 0) continue;
    text += concat_text(text.empty() ? "" : "\n", counted(count, name), '\n');
    const size_t most = all_names || severity == Severity::error ? findings.all().size() : kNamesInReport;
    for (const Group& group : groups_of(findings, severity)) {
      if (group.size() == 1) {
        text += "  " + single_line(*group.front()) + '\n';
        continue;
      }
      text += "  " + shared_line(group) + '\n';
      for (const std::string& name : names_of(group, most)) text += "    " + name + '\n';
      if (most < group.size()) text += concat_text("    and ", group.size() - most, " more (--list_all names them)\n");
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
