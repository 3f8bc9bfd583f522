#include "backend/cpu/kernels/shape/reduce.h"

#include "backend/cpu/ops/broadcast.h"
#include "backend/cpu/ops/op_kernels.h"

namespace rankine::cpu {

Launch prepare_sum_to(KernelContext& p) {
  const FoldedBroadcast b = fold_broadcast(p.node(), p.input_type(0).shape, p.output_type().shape);
  const BroadcastShape s = b.shape;
  const In x = p.in(0);
  const Out y = p.out();
  switch (b.kind) {
    case Broadcast::none:
      return [=] { scale(1.0f, x, y, s.count()); };
    case Broadcast::scalar:
      return [=] { sum_inner(x, y, 1, s.count()); };
    case Broadcast::outer:
      return [=] { sum_inner(x, y, s.outer, s.inner * s.channels); };
    case Broadcast::channels:
    case Broadcast::outer_channels:
      break;
  }
  void* scratch = p.scratch(sum_middle_scratch_bytes(s.outer, s.inner, s.channels));
  return [=] { sum_middle(x, y, s.outer, s.inner, s.channels, scratch); };
}

Launch prepare_mean(KernelContext& p) {
  const int64_t n = p.input_type(0).count();
  return [=, x = p.in(0), y = static_cast<float*>(p.output())] {
    *y = static_cast<float>(sum_all(x, n) / static_cast<double>(n));
  };
}

Launch prepare_mse_loss(KernelContext& p) {
  const int64_t samples = p.input_type(0).shape[0], elements = p.input_type(0).count() / samples;
  return [=, prediction = p.in(0), target = p.in(1), loss = static_cast<float*>(p.output())] {
    mse_per_sample(prediction, target, loss, samples, elements);
  };
}

Launch prepare_mse_loss_grad(KernelContext& p) {
  const int64_t samples = p.input_type(0).shape[0], elements = p.input_type(0).count() / samples;
  return [=, prediction = p.in(0), target = p.in(1), dloss = static_cast<const float*>(p.input(2)), out = p.out()] {
    mse_per_sample_backward(prediction, target, dloss, out, samples, elements);
  };
}

}  // namespace rankine::cpu
