#include "models/unet/unet.h"

#include "models/blocks/layers.h"
#include "models/blocks/resnet_block.h"
#include "models/blocks/transformer_block.h"

namespace rankine {
namespace {

constexpr double kNormEps = 1e-5;

/// Two linear layers with a silu between.
Value mlp(const Scope& s, Value x, int64_t width) {
  return linear(s / "linear_2", silu(linear(s / "linear_1", x, width)), width);
}

/// timesteps: f32 [N] -> silu(time embedding) [N, 4 * channels[0]]: every residual block starts with that silu.
Value time_embedding(const Scope& s, const UNetConfig& c, Value timesteps, Value vector, DType dtype) {
  const Scope time = s / "time_embedding";
  time.enter();
  Value t = mlp(time, cast(timestep_embedding(timesteps, c.channels[0]), dtype), 4 * c.channels[0]);
  if (vector) t = t + mlp(s / "add_embedding", vector, 4 * c.channels[0]);
  return silu(t);
}

/// The attention of a level with `depth` transformer blocks; x itself if there are none.
Value attention(const Scope& s, const UNetConfig& c, Value x, Value context, int64_t depth) {
  if (depth == 0) return x;
  return spatial_transformer(s, x, context,
                             {.heads = c.heads_of(x.dim(3)), .depth = depth, .is_linear = c.linear_projections});
}

}  // namespace

Value unet(const Scope& s, const UNetConfig& c, Value latents, Value timesteps, Value context, Value vector) {
  const auto levels = static_cast<int64_t>(c.channels.size());
  const Value temb = time_embedding(s, c, timesteps, vector, latents.dtype());

  Value x = conv2d(s / "conv_in", latents, same_conv(c.channels[0]));
  std::vector<Value> skips = {x};
  for (int64_t level = 0; level < levels; ++level) {
    const Scope block = s / "down_blocks" / level;
    const int64_t width = c.channels[static_cast<size_t>(level)], depth = c.depths[static_cast<size_t>(level)];
    for (int64_t j = 0; j < 2; ++j) {
      x = resnet_block(block / "resnets" / j, x, temb, width, kNormEps);
      x = attention(block / "attentions" / j, c, x, context, depth);
      skips.push_back(x);
    }
    if (level + 1 < levels) {
      x = conv2d(block / "downsamplers" / 0 / "conv", x, same_conv(width, 3, 2));
      skips.push_back(x);
    }
  }

  const Scope mid = s / "mid_block";
  x = resnet_block(mid / "resnets" / 0, x, temb, c.channels.back(), kNormEps);
  x = attention(mid / "attentions" / 0, c, x, context, c.middle_depth);
  x = resnet_block(mid / "resnets" / 1, x, temb, c.channels.back(), kNormEps);

  for (int64_t i = 0; i < levels; ++i) {
    const Scope block = s / "up_blocks" / i;
    const auto level = static_cast<size_t>(levels - 1 - i);
    const int64_t width = c.channels[level];
    for (int64_t j = 0; j < 3; ++j) {
      const Scope resnet = block / "resnets" / j;
      resnet.enter();
      x = concat({x, skips.back()}, -1);
      skips.pop_back();
      x = resnet_block(resnet, x, temb, width, kNormEps);
      x = attention(block / "attentions" / j, c, x, context, c.depths[level]);
    }
    if (i + 1 < levels) {
      const Scope upsampler = block / "upsamplers" / 0;
      upsampler.enter();
      x = upsample_nearest(x, skips.back().dim(1), skips.back().dim(2));  // the skip's size: odd sizes come back
      x = conv2d(upsampler / "conv", x, same_conv(width));
    }
  }
  x = silu(group_norm(s / "conv_norm_out", x, kNormEps));
  return conv2d(s / "conv_out", x, same_conv(c.latent_channels));
}

}  // namespace rankine
