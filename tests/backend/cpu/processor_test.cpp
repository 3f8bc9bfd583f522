#include "backend/cpu/processor.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "backend/cpu/kernel_context.h"
#include "backend/cpu/kernels/attention/attention.h"
#include "backend/registry.h"
#include "graph/memory/device_model.h"
#include "graph/ops/ops.h"

using namespace rankine;
using cpu::InstructionSet;

namespace {

/// Bytes of the packed form of a 64 x 96 matrix of a type.
size_t packed_bytes(DType type) {
  Graph g;
  const Value w = g.constant("w", {{64, 96}, type});
  const Value y = linear(g.input("x", {{8, 96}, type}), w);
  return find_backend("cpu").device().forms(y.node(), w).front().bytes;
}

}  // namespace

TEST_CASE("instruction set: DNNL_MAX_CPU_ISA holds oneDNN's kernels and our own to it") {
  const char* held = std::getenv("DNNL_MAX_CPU_ISA");
  const std::string name = held ? held : "";
  const InstructionSet set = cpu::instruction_set();
  if (name == "AVX2") CHECK(set <= InstructionSet::avx2);
  if (name == "AVX512_CORE") CHECK(set <= InstructionSet::avx512);
  if (name == "AVX512_CORE_BF16") CHECK(set <= InstructionSet::avx512_bf16);
  CHECK(attention_isa_available(AttentionIsa::amx_bf16, DType::bf16) <= (set >= InstructionSet::amx_bf16));
  CHECK(attention_isa_available(AttentionIsa::avx512_bf16, DType::bf16) == (set >= InstructionSet::avx512_bf16));
}

TEST_CASE(
    "instruction set: a half-float is multiplied as such where the processor can, else stored so and computed in "
    "f32") {
  const bool has_bf16 = cpu::instruction_set() >= InstructionSet::avx512_bf16;
  CHECK(cpu::has_products(DType::bf16) == has_bf16);
  CHECK(!cpu::has_products(DType::f16));
  CHECK(packed_bytes(DType::bf16) == 64 * 96 * (has_bf16 ? sizeof(uint16_t) : sizeof(float)));
  CHECK(packed_bytes(DType::f16) == 64 * 96 * sizeof(float));
}
