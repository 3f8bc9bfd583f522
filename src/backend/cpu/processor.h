#pragma once

namespace rankine::cpu {

/// The instruction sets that kernels are written for; each one contains those before it.
enum class InstructionSet { baseline, avx2, avx512, avx512_bf16, amx_bf16 };

/// The largest one that this process uses: the processor's, or a smaller one that the environment asks for with
/// oneDNN's variable DNNL_MAX_CPU_ISA (AVX2, AVX512_CORE, AVX512_CORE_BF16). oneDNN's kernels, Highway's and our own
/// keep to it, so that one machine can test them all.
InstructionSet instruction_set();

}  // namespace rankine::cpu
