#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rankine {

/// `metrics.jsonl` by columns: a row a step, steps ascending.
struct MetricsTable {
  std::vector<int64_t> steps, epochs;
  /// "loss", "lr/unet", "seconds/load", "values/d": the path of each number in a line. NaN where a line has none.
  std::map<std::string, std::vector<double>> columns;

  size_t rows() const { return steps.size(); }
  /// Empty when no line has it.
  const std::vector<double>& column(const std::string& name) const;
  /// Names of the columns that begin with `prefix`, without it.
  std::vector<std::string> names_under(const std::string& prefix) const;
};

/// Reads the file of a run. Where a run was resumed from an earlier step, the later numbers count. Lines without a step
/// or a loss, such as those that a killed run left cut, are left out with a warning. Throws Error when the file cannot
/// be read.
MetricsTable read_metrics(const std::string& metrics_file);

}  // namespace rankine
