#pragma once
#include <algorithm>
#include <vector>

namespace rankine {

/// Seconds of repeated runs of the same work.
struct Timings {
  double first, median, best;  ///< the first run warms up and is in neither of the others
};

/// `seconds` has at least two values in the order of the runs.
inline Timings timings_of(std::vector<double> seconds) {
  const double first = seconds.front();
  seconds.erase(seconds.begin());
  std::ranges::sort(seconds);
  return {first, seconds[seconds.size() / 2], seconds.front()};
}

}  // namespace rankine
