#pragma once
#include <optional>
#include <string_view>

#include "base/dtype.h"
#include "graph/graph.h"

namespace rankine {
struct Target;
}

namespace rankine::cpu {

// Names of the smaller forms of a frozen weight that every product has.
inline constexpr std::string_view kPlainForm = "plain";    ///< one copy as stored, packed again on each use
inline constexpr std::string_view kMappedForm = "mapped";  ///< no copy: left in the mapped file, converted on each use

/// The pass that marks how the target's memory choice keeps each weight, and what of them lies in a mapped file.
void mark_weight_forms(Graph& graph, const Target& target);

/// True if kernels may keep packed forms of the constant.
bool may_be_packed(const Node& constant);
/// The type in which a mapped file holds the constant; none where no file does.
std::optional<DType> type_in_file(const Node& constant);

}  // namespace rankine::cpu
