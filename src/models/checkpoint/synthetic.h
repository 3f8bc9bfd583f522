#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "models/checkpoint/layout.h"

namespace rankine {

/// Weights that anybody can compute from (seed, tensor name, element index): tests and benchmarks need no download.
/// tests/reference/README.md, section 1, defines the rule; names are those of the single file (or the LoRA's keys).
/// Values have the size of trained weights, so activations stay in range.

/// float16 bits, row-major; `out` holds exactly the shape's count. Parallel when large.
void synthetic_tensor(std::string_view name, const Shape& shape, uint64_t seed, std::span<uint16_t> out);
/// The same values (rounded to float16) as float32.
void synthetic_f32(std::string_view name, const Shape& shape, uint64_t seed, std::span<float> out);

/// Writes a whole checkpoint, atomically and without holding it in memory.
void write_synthetic_checkpoint(const Layout& layout, uint64_t seed, const std::string& path);

/// SHA-256 over the float16 bytes of all tensors in the layout's order: `digest_sha256` of a layout file.
std::string synthetic_digest(const Layout& layout, uint64_t seed);

}  // namespace rankine
