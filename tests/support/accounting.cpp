#include "support/accounting.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/error.h"

namespace rankine::golden {
namespace {

Account& mutable_account() {
  static Account cases;
  return cases;
}

/// A case that ran anywhere has run: another test that had to leave it out does not take that back.
void note(Account& account, const std::string& name, const std::string& reason) {
  const auto [entry, is_new] = account.try_emplace(name, reason);
  if (!is_new && reason.empty()) entry->second.clear();
}

}  // namespace

void ran(const std::string& name) { note(mutable_account(), name, {}); }

void skipped(const std::string& name, const std::string& reason) {
  check(!reason.empty(), "golden case ", name, ": a skipped case needs its reason");
  note(mutable_account(), name, reason);
}

const Account& account() { return mutable_account(); }

std::string summary(const Account& account) {
  size_t count_ran = 0;
  std::map<std::string, size_t> by_reason;
  for (const auto& [name, reason] : account) {
    if (reason.empty())
      ++count_ran;
    else
      ++by_reason[reason];
  }
  std::vector<std::pair<std::string, size_t>> reasons(by_reason.begin(), by_reason.end());
  std::stable_sort(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::ostringstream out;
  out << "golden cases: " << count_ran << " ran, " << account.size() - count_ran << " skipped";
  const char* separator = " (";
  for (const auto& [reason, count] : reasons) {
    out << separator << reason << ": " << count;
    separator = ", ";
  }
  if (!reasons.empty()) out << ")";
  return out.str();
}

void write_account(const Account& account, const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file);
  for (const auto& [name, reason] : account) out << name << '\t' << reason << '\n';
  check(out.good(), file.string(), ": cannot write the account of the golden cases");
}

void read_account(const std::filesystem::path& file, Account& into) {
  std::ifstream in(file);
  check(in.good(), file.string(), ": cannot read this account of golden cases");
  for (std::string line; std::getline(in, line);) {
    const size_t tab = line.find('\t');
    check(tab != std::string::npos, file.string(), ": a line without a tab: ", line);
    note(into, line.substr(0, tab), line.substr(tab + 1));
  }
}

}  // namespace rankine::golden
