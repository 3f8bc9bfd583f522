#include "run/cache_faults.h"

#include "base/error.h"

namespace rankine {

std::string faults_text(const CacheFaults& faults, const std::string& kept) {
  const auto and_more = [](size_t count) {
    return count > 1 ? concat_text(" and ", count - 1, " more") : std::string();
  };
  std::string text;
  for (const auto& [reason, files] : faults.refused)
    text += concat_text("  made anew: ", files[0], and_more(files.size()), ": ", reason, '\n');
  if (faults.unwritten > 0)
    text += concat_text("  kept in memory only: ", faults.write_fault, and_more(static_cast<size_t>(faults.unwritten)),
                        '\n');
  if (!faults.without_file.empty())
    text += concat_text("  kept in memory only: ", faults.without_file[0], and_more(faults.without_file.size()),
                        ": another picture's ", kept, " have the same file name\n");
  return text;
}

}  // namespace rankine
