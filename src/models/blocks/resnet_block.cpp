#include "models/blocks/resnet_block.h"

#include "models/blocks/layers.h"

namespace rankine {

Value resnet_block(const Scope& s, Value x, Value temb, int64_t channels, double eps) {
  Value h = silu(group_norm(s / "norm1", x, eps));
  h = conv2d(s / "conv1", h, same_conv(channels));  // [N, H, W, channels]
  if (temb) {
    const Value shift = linear(s / "time_emb_proj", temb, channels);  // [N, channels]
    h = h + reshape(shift, {shift.dim(0), 1, 1, channels});
  }
  h = silu(group_norm(s / "norm2", h, eps));
  h = conv2d(s / "conv2", h, same_conv(channels));
  if (x.dim(3) != channels) x = conv2d(s / "conv_shortcut", x, same_conv(channels, 1));
  s.enter();
  return h + x;
}

}  // namespace rankine
