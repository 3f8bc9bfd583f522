#include <cmath>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/ops/broadcast.h"
#include "backend/cpu/ops/op_kernels.h"
#include "base/rng.h"

namespace rankine::cpu {

// The mask is drawn into working memory, then multiplied: it has the size of a LoRA's thin inner tensor at most.
Launch prepare_dropout(KernelContext& p) {
  const Shape& shape = p.attributes().integers("mask");
  const int64_t count = count_of(shape);
  const auto stream = static_cast<uint32_t>(p.attributes().integer("stream"));
  const auto factor = static_cast<float>(p.attributes().real("factor"));
  // A uniform number is a 24-bit one times 2^-24: compared as whole numbers.
  const auto threshold = static_cast<uint32_t>(std::ceil(p.attributes().real("p") * 0x1p24));
  const FoldedBroadcast pattern = fold_broadcast(p.node(), p.input_type(0).shape, shape);
  auto* mask = static_cast<float*>(p.scratch(static_cast<size_t>(count) * sizeof(float)));
  return [=, key = static_cast<const uint32_t*>(p.input(1)), x = p.in(0), y = p.out()] {
    parallel_elements(count, [=](int64_t begin, int64_t end) {  // begin is a multiple of 4
      for (int64_t i = begin; i < end; i += 4) {
        const std::array<uint32_t, 4> words =
            philox({key[0], key[1]}, {static_cast<uint32_t>(i / 4), key[2], key[3], stream});
        for (int64_t k = 0; k < std::min<int64_t>(4, end - i); ++k)
          mask[i + k] = (words[static_cast<size_t>(k)] >> 8) < threshold ? 0.0f : factor;
      }
    });
    binary(BinaryOp::mul, pattern.kind, x, In(mask), y, pattern.shape);
  };
}

}  // namespace rankine::cpu
