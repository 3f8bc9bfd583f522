#include "backend/cpu/kernels/attention_isa.h"

namespace rankine {

const AttentionKernels* avx512_bf16_attention() { return nullptr; }

}  // namespace rankine
