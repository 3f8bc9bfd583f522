#include "models/blocks/layers.h"

namespace rankine {

Value linear(const Scope& s, Value x, int64_t channels, bool bias) {
  s.enter();
  const Value w = s.constant("weight", {{channels, x.dim(-1)}, x.dtype()});
  return linear(x, w, bias ? s.constant("bias", {{channels}, DType::f32}) : Value{});
}

Value conv2d(const Scope& s, Value x, const Conv2dOptions& o) {
  s.enter();
  const Value w = s.constant("weight", {{o.channels, x.dim(3), o.kernel, o.kernel}, x.dtype()});
  return conv2d(x, w, s.constant("bias", {{o.channels}, DType::f32}), o.geometry);
}

Value group_norm(const Scope& s, Value x, double eps) {
  s.enter();
  const Type affine{{x.dim(-1)}, DType::f32};
  return group_norm(x, s.constant("weight", affine), s.constant("bias", affine), 32, eps);
}

Value layer_norm(const Scope& s, Value x) {
  s.enter();
  const Type affine{{x.dim(-1)}, DType::f32};
  return layer_norm(x, s.constant("weight", affine), s.constant("bias", affine), 1e-5);
}

}  // namespace rankine
