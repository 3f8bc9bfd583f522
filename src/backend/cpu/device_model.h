#pragma once
#include <dnnl.hpp>

#include "graph/graph.h"

namespace rankine::cpu {

/// Bytes per second that ops move which do little arithmetic: an estimate for comparing ways to save memory.
inline constexpr double kCopyRate = 20e9;

/// Bytes per second that are read from a mapped file whose pages the system keeps, page faults included.
inline constexpr double kFileRate = 5e9;

/// Estimated seconds of one node on this processor.
double estimated_seconds(const Node& node);

/// An engine for asking oneDNN about layouts; sessions have their own.
const dnnl::engine& cpu_engine();

}  // namespace rankine::cpu
