#include "models/vae/vae.h"

#include "models/blocks/layers.h"
#include "models/blocks/resnet_block.h"

namespace rankine {
namespace {

constexpr double kNormEps = 1e-6;

/// Self-attention over all pixels with a single head. x: [N, H, W, C] -> [N, H, W, C]
Value attention_block(const Scope& s, Value x) {
  const int64_t width = x.dim(3);
  const Value h = reshape(group_norm(s / "group_norm", x, kNormEps), {x.dim(0), x.dim(1) * x.dim(2), width});
  const Value q = linear(s / "to_q", h, width), k = linear(s / "to_k", h, width), v = linear(s / "to_v", h, width);
  s.enter();
  const Value y = linear(s / "to_out" / 0, scaled_dot_product_attention(q, k, v, /*heads=*/1), width);
  s.enter();
  return reshape(y, x.shape()) + x;
}

Value mid_block(const Scope& s, Value x) {
  x = resnet_block(s / "resnets" / 0, x, {}, x.dim(3), kNormEps);
  x = attention_block(s / "attentions" / 0, x);
  return resnet_block(s / "resnets" / 1, x, {}, x.dim(3), kNormEps);
}

}  // namespace

Value vae_encode(const Scope& s, const VaeConfig& c, Value images) {
  const Scope e = s / "encoder";
  const auto levels = static_cast<int64_t>(c.channels.size());
  Value x = conv2d(e / "conv_in", images, same_conv(c.channels[0]));
  for (int64_t level = 0; level < levels; ++level) {
    const Scope block = e / "down_blocks" / level;
    const int64_t width = c.channels[static_cast<size_t>(level)];
    for (int64_t j = 0; j < 2; ++j) x = resnet_block(block / "resnets" / j, x, {}, width, kNormEps);
    if (level + 1 < levels)  // padded on the right and below only
      x = conv2d(block / "downsamplers" / 0 / "conv", x, {width, 3, {2, 0, 0, 1, 1}});
  }
  x = mid_block(e / "mid_block", x);
  x = silu(group_norm(e / "conv_norm_out", x, kNormEps));
  x = conv2d(e / "conv_out", x, same_conv(2 * c.latent_channels));
  return conv2d(s / "quant_conv", x, same_conv(2 * c.latent_channels, 1));
}

Value vae_decode(const Scope& s, const VaeConfig& c, Value latents) {
  const Scope d = s / "decoder";
  const auto levels = static_cast<int64_t>(c.channels.size());
  Value x = conv2d(s / "post_quant_conv", latents, same_conv(c.latent_channels, 1));
  x = conv2d(d / "conv_in", x, same_conv(c.channels.back()));
  x = mid_block(d / "mid_block", x);
  for (int64_t i = 0; i < levels; ++i) {
    const Scope block = d / "up_blocks" / i;
    const int64_t width = c.channels[static_cast<size_t>(levels - 1 - i)];
    for (int64_t j = 0; j < 3; ++j) x = resnet_block(block / "resnets" / j, x, {}, width, kNormEps);
    if (i + 1 < levels) {
      const Scope upsampler = block / "upsamplers" / 0;
      upsampler.enter();
      x = upsample_nearest(x, 2 * x.dim(1), 2 * x.dim(2));
      x = conv2d(upsampler / "conv", x, same_conv(width));
    }
  }
  x = silu(group_norm(d / "conv_norm_out", x, kNormEps));
  return conv2d(d / "conv_out", x, same_conv(3));
}

}  // namespace rankine
