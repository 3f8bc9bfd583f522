#pragma once
#include <map>
#include <ostream>
#include <span>
#include <string>

#include "backend/backend.h"

namespace rankine {

/// What the nodes of a profiled run took, added up by kind of op, beside what the machine's limits would allow.
class OpTable {
 public:
  /// `by_shape`: ops of different sizes are different kinds.
  OpTable(std::span<const NodeTime> times, const DeviceLimits& limits, bool by_shape = false);

  /// One row a kind, slowest first: its calls, time, arithmetic, bytes and achieved rates; a last one, called
  /// `all_name`, for all of them; then the limits.
  void print(std::ostream& out, const std::string& all_name) const;

  /// Of all arithmetic, done in so many seconds, the share that the limit of products would allow.
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
