#include "watch/report/series.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace rankine {

StepBins::StepBins(const MetricsTable& table, size_t most) : size_((table.rows() + most - 1) / most) {
  size_ = std::max<size_t>(size_, 1);
  if (table.rows() > 0) {
    first_ = static_cast<double>(table.steps.front());
    last_ = static_cast<double>(table.steps.back());
  }
  for (size_t i = 0; i < table.rows(); i += size_) {
    const size_t last = std::min(i + size_, table.rows()) - 1;
    steps_.push_back(static_cast<double>(table.steps[i] + table.steps[last]) / 2);
  }
}

template <class Combine>
std::vector<double> StepBins::combined(const std::vector<double>& values, Combine combine) const {
  std::vector<double> result, finite;
  for (size_t i = 0; i < steps_.size(); ++i) {
    finite.clear();
    for (size_t j = i * size_; j < std::min((i + 1) * size_, values.size()); ++j)
      if (std::isfinite(values[j])) finite.push_back(values[j]);
    result.push_back(finite.empty() ? std::numeric_limits<double>::quiet_NaN() : combine(std::span(finite)));
  }
  return result;
}

std::vector<double> StepBins::mean(const std::vector<double>& values) const {
  return combined(values, [](std::span<const double> v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  });
}

std::vector<double> StepBins::least(const std::vector<double>& values) const {
  return combined(values, [](std::span<const double> v) { return *std::ranges::min_element(v); });
}

std::vector<double> StepBins::greatest(const std::vector<double>& values) const {
  return combined(values, [](std::span<const double> v) { return *std::ranges::max_element(v); });
}

std::vector<double> StepBins::last(const std::vector<double>& values) const {
  return combined(values, [](std::span<const double> v) { return v.back(); });
}

}  // namespace rankine
