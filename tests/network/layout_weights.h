#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/sd1.h"
#include "network/adapter.h"
#include "support/reference.h"

namespace rankine::golden {

const Family& layout_family(const ModelLayout& layout);
/// The weights of a layout file under their canonical names, in the file's order.
std::vector<NamedShape> layout_weights(const ModelLayout& layout);

/// A LoRA of synthetic weights in float32, with values that float16 can hold (tests/reference/README.md, section 1).
/// The values follow from the names of the tensors.
AdapterWeights synthetic_lora(const std::vector<AdaptedLayer>& modules, uint64_t seed);

}  // namespace rankine::golden
