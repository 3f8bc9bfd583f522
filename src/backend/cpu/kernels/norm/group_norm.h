#pragma once
#include <cstddef>
#include <span>

#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

struct GroupNormShape {
  int64_t samples = 1;   ///< N
  int64_t pixels = 1;    ///< H * W
  int64_t channels = 1;  ///< C, of all sources together
  int64_t groups = 32;   ///< G, a divisor of C
};

/// Part of the input's channels: [N, H*W, channels]. Several stand for their concatenation, which is never made;
/// a group may lie across the border.
struct ChannelSource {
  In data;
  int64_t channels = 0;
};
/// The destination of a source's gradient. Skipped if it has no data.
struct ChannelSink {
  Out data;
  int64_t channels = 0;
};

/// Bytes of scratch (aligned to 8) that each of the functions below needs.
size_t group_norm_scratch_bytes(const GroupNormShape& shape);

/// y = f((x - mean) * rstd * gain + bias), f = silu or nothing; mean and variance over the pixels and channels of a
/// group (Wu & He 2018, arXiv:1803.08494). y: [N, H*W, C]; gain, bias: f32 [C]; mean, rstd (out): f32 [N, G]. All
/// sources have one type; y may have another. Variance is summed around means, in double between pieces.
void group_norm(const GroupNormShape& shape, std::span<const ChannelSource> x, const float* gain, const float* bias,
                float eps, bool silu, Out y, float* mean, float* rstd, void* scratch);

/// Gradient of the input from dy: [N, H*W, C] and the mean and rstd that group_norm left. dx has x's type, and one sink
/// for each source; a sink may be its source.
void group_norm_backward(const GroupNormShape& shape, std::span<const ChannelSource> x, In dy, const float* gain,
                         const float* bias, bool silu, const float* mean, const float* rstd,
                         std::span<const ChannelSink> dx, void* scratch);

/// Gradients of gain and bias, f32 [C]; overwrites them.
void group_norm_backward_parameters(const GroupNormShape& shape, std::span<const ChannelSource> x, In dy,
                                    const float* gain, const float* bias, bool silu, const float* mean,
                                    const float* rstd, float* dgain, float* dbias, void* scratch);

}  // namespace rankine::cpu
