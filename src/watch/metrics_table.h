#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rankine {

/// `metrics.jsonl` as columns: one row per step, steps ascending.
struct MetricsTable {
  std::vector<int64_t> steps, epochs;
  /// "loss", "lr/unet", "seconds/load", "values/d": the path of each number in a line. NaN if a line lacks it.
  std::map<std::string, std::vector<double>> columns;

  size_t rows() const { return steps.size(); }
  /// Empty if no line has it.
  const std::vector<double>& column(const std::string& name) const;
  /// The names of columns that begin with `prefix`, without the prefix.
  std::vector<std::string> names_under(const std::string& prefix) const;
};

/// Reads the file of a run. If a run was resumed from an earlier step, the later numbers count. Lines without a step or
/// a loss, such as incomplete ones of a killed run, are left out with a warning. Throws Error if the file cannot be
/// read.
MetricsTable read_metrics(const std::string& metrics_file);

}  // namespace rankine
