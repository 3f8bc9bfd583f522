#include "backend/cpu/processor.h"

#include <dnnl.hpp>

#include "backend/cpu/kernels/targets.h"
//
#include <hwy/targets.h>

namespace rankine::cpu {
namespace {

InstructionSet largest_of_onednn() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  if (isa >= dnnl::cpu_isa::avx512_core_amx) return InstructionSet::amx_bf16;
  if (isa >= dnnl::cpu_isa::avx512_core_bf16) return InstructionSet::avx512_bf16;
  if (isa >= dnnl::cpu_isa::avx512_core) return InstructionSet::avx512;
  return isa >= dnnl::cpu_isa::avx2 ? InstructionSet::avx2 : InstructionSet::baseline;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet set = [] {
    const InstructionSet largest = largest_of_onednn();
    // In Highway's sets of targets a lower bit is a better target.
    if (largest < InstructionSet::avx512) hwy::DisableTargets(HWY_AVX2 - 1);
    if (largest < InstructionSet::avx2) hwy::DisableTargets(HWY_AVX2);
    return largest;
  }();
  return set;
}

}  // namespace rankine::cpu
