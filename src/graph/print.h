#pragma once
#include <ostream>

#include "graph/graph.h"

namespace rankine {

/// Prints one line per node in execution order. The text is the same in every run, so diff can compare two dumps:
///   %12 = linear(%9, %10) : bf16[1, 4096, 320]  # unet.down_blocks.0.attentions.0.proj_in
void print(std::ostream& out, const Graph& graph);
std::string to_text(const Graph& graph);

}  // namespace rankine
