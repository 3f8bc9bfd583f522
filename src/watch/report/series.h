#pragma once
#include <string>
#include <vector>

#include "watch/metrics_table.h"

namespace rankine {

/// Groups the rows of a table, at most `most` groups of equally many neighbours, for drawings with less room.
class StepBins {
 public:
  StepBins(const MetricsTable& table, size_t most);

  /// The middle of each group.
  const std::vector<double>& steps() const { return steps_; }
  double first_step() const { return first_; }
  double last_step() const { return last_; }
  /// True if groups have more than one row.
  bool grouped() const { return size_ > 1; }

  // The mean of the finite values of each group; NaN if there is none. `values` has all rows of the table.
  std::vector<double> mean(const std::vector<double>& values) const;
  std::vector<double> least(const std::vector<double>& values) const;
  std::vector<double> greatest(const std::vector<double>& values) const;
  /// The last value of each group.
  std::vector<double> last(const std::vector<double>& values) const;

 private:
  template <class Combine>
  std::vector<double> combined(const std::vector<double>& values, Combine combine) const;

  size_t size_ = 1;
  double first_ = 0, last_ = 1;
  std::vector<double> steps_;
};

}  // namespace rankine
