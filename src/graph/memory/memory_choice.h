#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace rankine {

/// One way to live with less memory: the values that are recomputed, the weights that take a smaller form, and the
/// bytes and seconds that follow. The default gives up nothing.
struct MemoryChoice {
  /// Of recomputable_values (passes/recompute.h): the values that the backward pass computes again.
  std::set<std::string, std::less<>> recomputed;
  /// The WeightForm::name that a frozen weight takes, by the weight's name. A weight that is not listed has its
  /// device's first form.
  std::map<std::string, std::string, std::less<>> weight_forms;
  size_t activations = 0, weights = 0, working = 0;  ///< bytes that are left
  double added_seconds = 0;                          ///< per step
  size_t bytes() const { return activations + weights + working; }
  /// The number of weights that take the form `form`.
  size_t weights_in(std::string_view form) const {
    size_t count = 0;
    for (const auto& [name, chosen] : weight_forms) count += chosen == form;
    return count;
  }
};

}  // namespace rankine
