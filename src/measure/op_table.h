#pragma once
#include <map>
#include <ostream>
#include <span>
#include <string>

#include "backend/backend.h"

namespace rankine {

/// The costs of a profiled run's nodes, summed per kind of op, beside the least that the machine's limits allow.
class OpTable {
 public:
  /// With `by_shape`, ops of different sizes are different kinds.
  OpTable(std::span<const NodeTime> times, const DeviceLimits& limits, bool by_shape = false);

  /// Prints one row per kind, slowest first: its calls, time, arithmetic, bytes and achieved rates; a last one, called
  /// `all_name`, for all of them; then the limits.
  void print(std::ostream& out, const std::string& all_name) const;

  /// All arithmetic in this time, as a share of the limit of products.
  double share_of_limit(double seconds) const;

 private:
  struct Row {
    int calls = 0;
    double seconds = 0, flops = 0, bytes = 0;
    double least_seconds = 0;  // at the limits
  };

  DeviceLimits limits_;
  std::map<std::string, Row> rows_;
  Row all_;
};

}  // namespace rankine
