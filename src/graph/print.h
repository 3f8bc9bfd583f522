#pragma once
#include <ostream>

#include "graph/graph.h"

namespace rankine {

/// One line a node in execution order, stable from run to run, so that two dumps can be compared with diff:
///   %12 = linear(%9, %10) : bf16[1, 4096, 320]  # unet.down_blocks.0.attentions.0.proj_in
void print(std::ostream& out, const Graph& graph);
std::string to_text(const Graph& graph);

}  // namespace rankine
