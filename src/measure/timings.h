#pragma once
#include <algorithm>
#include <vector>

namespace rankine {

/// Seconds of the same work done several times.
struct Timings {
  double first, median, best;  ///< the first one, which warms up, is in neither of the others
};

/// `seconds`: at least two, in the order in which they were taken.
inline Timings timings_of(std::vector<double> seconds) {
  const double first = seconds.front();
  seconds.erase(seconds.begin());
  std::ranges::sort(seconds);
  return {first, seconds[seconds.size() / 2], seconds.front()};
}

}  // namespace rankine
