#include "io/nearest_name.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace rankine {
namespace {

// Levenshtein's distance, one row at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_hint(std::string_view wanted, std::span<const std::string_view> candidates) {
  constexpr size_t longest = 300;  // the distance takes quadratic time, and longer names need no hint
  if (wanted.size() > longest) return {};
  std::string_view best;
  size_t best_distance = wanted.size() / 2 + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > longest) continue;
    const size_t distance = edit_distance(wanted, candidate);
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  return best.empty() ? std::string() : concat_text("; the nearest is \"", best, "\"");
}

}  // namespace rankine
