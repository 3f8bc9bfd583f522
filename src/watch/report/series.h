#pragma once
#include <string>
#include <vector>

#include "watch/metrics_table.h"

namespace rankine {

/// The rows of a table in at most `most` groups of equally many neighbours, for drawings that have no room for more.
class StepBins {
 public:
  StepBins(const MetricsTable& table, size_t most);

  /// The middle of each group.
  const std::vector<double>& steps() const { return steps_; }
  double first_step() const { return first_; }
  double last_step() const { return last_; }
  /// Whether groups have more than one row.
  bool grouped() const { return size_ > 1; }

  // Of the finite values of each group; NaN where there is none. `values` has all of the table's rows.
  std::vector<double> mean(const std::vector<double>& values) const;
  std::vector<double> least(const std::vector<double>& values) const;
  std::vector<double> greatest(const std::vector<double>& values) const;
  /// The last of each group.
  std::vector<double> last(const std::vector<double>& values) const;

 private:
  template <class Combine>
  std::vector<double> combined(const std::vector<double>& values, Combine combine) const;

  size_t size_ = 1;
  double first_ = 0, last_ = 1;
  std::vector<double> steps_;
};

}  // namespace rankine
