#include "backend/cpu/kernels/norm/group_norm.h"

#include <cmath>

#include "backend/cpu/kernels/norm/group_norm_rows.h"
#include "backend/cpu/kernels/parallel.h"

namespace rankine::cpu {
namespace {

/// Elements a task sums before its result goes to double: few enough for f32, many enough to hide a task's own cost.
constexpr int64_t elements_per_piece = 32768;

/// Work is cut along samples and pixels, so there is enough of it for all threads at every resolution. The two passes
/// (sums, then values) use the same pieces.
struct Pieces {
  GroupNormShape shape;
  Cut pixels;
  double* group_sums;   // [piece][G][2]
  float* channel_sums;  // [piece][2][C]
  float* per_channel;   // [4][N][C]
  int64_t group_size;

  Pieces(const GroupNormShape& s, void* scratch)
      : shape(s), pixels(cut_rows(s.pixels, s.channels, elements_per_piece)), group_size(s.channels / s.groups) {
    group_sums = static_cast<double*>(scratch);
    channel_sums = reinterpret_cast<float*>(group_sums + count() * s.groups * 2);
    per_channel = channel_sums + count() * s.channels * 2;
  }
  int64_t count() const { return shape.samples * pixels.count(); }
  int64_t elements() const { return shape.samples * shape.pixels * shape.channels; }
  float* channel_array(int64_t which, int64_t sample) const {
    return per_channel + (which * shape.samples + sample) * shape.channels;
  }
};

struct Piece {
  int64_t index, sample, first, pixels;
};

template <class Body>
void for_pieces(const Pieces& all, const Body& body) {
  const int64_t per_sample = all.pixels.count();
  parallel_tasks(all.count(), all.elements(), [&](int64_t i) {
    const int64_t k = i % per_sample;
    body(Piece{i, i / per_sample, all.pixels.begin(k), all.pixels.end(k) - all.pixels.begin(k)});
  });
}

/// body(source index, its first channel among all).
template <class Body>
void for_sources(std::span<const ChannelSource> x, const Body& body) {
  int64_t offset = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    body(i, offset);
    offset += x[i].channels;
  }
}

InRows piece_of(const ChannelSource& x, const Pieces& all, const Piece& piece) {
  return {x.data.at((piece.sample * all.shape.pixels + piece.first) * x.channels), x.channels};
}

/// The piece's pixels in a tensor [N, H*W, C], from channel `offset` on.
int64_t element_of(const Pieces& all, const Piece& piece, int64_t offset) {
  return (piece.sample * all.shape.pixels + piece.first) * all.shape.channels + offset;
}

void check_arguments(const char* kernel, const GroupNormShape& s, std::span<const ChannelSource> x, DType other) {
  check(s.groups > 0 && s.channels % s.groups == 0, kernel, ": ", s.channels, " channels do not divide into ", s.groups,
        " groups");
  int64_t channels = 0;
  for (const ChannelSource& source : x) {
    check_storage(kernel, source.data.dtype);
    check_same_dtype(kernel, source.data.dtype, x[0].data.dtype);
    channels += source.channels;
  }
  check(channels == s.channels, kernel, ": the sources have ", channels, " channels, expected ", s.channels);
  check_storage(kernel, other);
}

/// A piece's sums of each group, from those of its channels.
void sum_groups(const Pieces& all, const Piece& piece) {
  const float* sum = all.channel_sums + piece.index * 2 * all.shape.channels;
  const float* squares = sum + all.shape.channels;
  double* out = all.group_sums + piece.index * 2 * all.shape.groups;
  const double pixels = static_cast<double>(piece.pixels);
  const double inverse = 1.0 / pixels;
  for (int64_t g = 0; g < all.shape.groups; ++g, sum += all.group_size, squares += all.group_size) {
    double total = 0;
    for (int64_t c = 0; c < all.group_size; ++c) total += sum[c];
    const double mean = total * inverse / static_cast<double>(all.group_size);
    double spread = 0;
    for (int64_t c = 0; c < all.group_size; ++c) {
      const double distance = sum[c] * inverse - mean;
      spread += squares[c] + pixels * distance * distance;
    }
    out[2 * g] = total;
    out[2 * g + 1] = spread;
  }
}

/// Mean and 1 / standard deviation of each group of each sample, from the pieces in order.
void finish_statistics(const Pieces& all, float eps, float* mean, float* rstd) {
  const GroupNormShape& s = all.shape;
  const double group_elements = static_cast<double>(s.pixels * all.group_size);
  const int64_t per_sample = all.pixels.count();
  for (int64_t n = 0; n < s.samples; ++n) {
    for (int64_t g = 0; g < s.groups; ++g) {
      const double* sums = all.group_sums + (n * per_sample * s.groups + g) * 2;
      double total = 0;
      for (int64_t k = 0; k < per_sample; ++k) total += sums[k * 2 * s.groups];
      const double center = total / group_elements;
      double spread = 0;
      for (int64_t k = 0; k < per_sample; ++k) {
        const double elements = static_cast<double>((all.pixels.end(k) - all.pixels.begin(k)) * all.group_size);
        const double distance = sums[k * 2 * s.groups] / elements - center;
        spread += sums[k * 2 * s.groups + 1] + elements * distance * distance;
      }
      mean[n * s.groups + g] = static_cast<float>(center);
      rstd[n * s.groups + g] = static_cast<float>(1.0 / std::sqrt(spread / group_elements + static_cast<double>(eps)));
    }
  }
}

/// out[n][c] = per_group[n][c's group]: spreads a group's values over its channels, as the loops read them.
void spread_to_channels(const Pieces& all, const float* per_group, int64_t which) {
  for (int64_t n = 0; n < all.shape.samples; ++n) {
    float* out = all.channel_array(which, n);
    for (int64_t g = 0; g < all.shape.groups; ++g) {
      std::fill_n(out + g * all.group_size, all.group_size, per_group[n * all.shape.groups + g]);
    }
  }
}

NormChannels norm_channels(const Pieces& all, int64_t sample, const float* gain, const float* bias, int64_t offset) {
  return {all.channel_array(0, sample) + offset, all.channel_array(1, sample) + offset, gain + offset, bias + offset};
}

/// channel_sums of each piece: the sums of dz and of dz * xhat.
void sum_gradients(const Pieces& all, const Piece& piece, std::span<const ChannelSource> x, In dy, const float* gain,
                   const float* bias, bool silu) {
  for_sources(x, [&](size_t i, int64_t offset) {
    float* sum = all.channel_sums + piece.index * 2 * all.shape.channels + offset;
    group_norm_gradient_sums_rows(
        piece_of(x[i], all, piece), {dy.at(element_of(all, piece, offset)), all.shape.channels}, piece.pixels,
        x[i].channels, norm_channels(all, piece.sample, gain, bias, offset), silu, sum, sum + all.shape.channels);
  });
}

}  // namespace

size_t group_norm_scratch_bytes(const GroupNormShape& shape) {
  const int64_t pieces = shape.samples * cut_rows(shape.pixels, shape.channels, elements_per_piece).count();
  const size_t doubles = static_cast<size_t>(pieces * shape.groups * 2);
  const size_t floats = static_cast<size_t>(pieces * shape.channels * 2 + 4 * shape.samples * shape.channels);
  return doubles * sizeof(double) + floats * sizeof(float);
}

void group_norm(const GroupNormShape& shape, std::span<const ChannelSource> x, const float* gain, const float* bias,
                float eps, bool silu, Out y, float* mean, float* rstd, void* scratch) {
  check_arguments("group_norm", shape, x, y.dtype);
  const Pieces all(shape, scratch);
  for_pieces(all, [&](const Piece& piece) {
    for_sources(x, [&](size_t i, int64_t offset) {
      float* sum = all.channel_sums + piece.index * 2 * shape.channels + offset;
      group_norm_statistics_rows(piece_of(x[i], all, piece), piece.pixels, x[i].channels, sum, sum + shape.channels);
    });
    sum_groups(all, piece);
  });
  finish_statistics(all, eps, mean, rstd);
  spread_to_channels(all, mean, 0);
  spread_to_channels(all, rstd, 1);
  for_pieces(all, [&](const Piece& piece) {
    for_sources(x, [&](size_t i, int64_t offset) {
      group_norm_rows(piece_of(x[i], all, piece), {y.at(element_of(all, piece, offset)), shape.channels}, piece.pixels,
                      x[i].channels, norm_channels(all, piece.sample, gain, bias, offset), silu);
    });
  });
}

// With xhat = (x - mean) rstd and z = xhat gain + bias, over the M elements of a group:
//   dx = rstd (dz gain - sum(dz gain) / M - xhat sum(dz gain xhat) / M)
void group_norm_backward(const GroupNormShape& shape, std::span<const ChannelSource> x, In dy, const float* gain,
                         const float* bias, bool silu, const float* mean, const float* rstd,
                         std::span<const ChannelSink> dx, void* scratch) {
  check_arguments("group_norm_backward", shape, x, dy.dtype);
  check(dx.size() == x.size(), "group_norm_backward: ", x.size(), " sources, but ", dx.size(), " sinks");
  for (size_t i = 0; i < x.size(); ++i) {
    if (dx[i].data.data) check_same_dtype("group_norm_backward", dx[i].data.dtype, x[i].data.dtype);
  }
  const Pieces all(shape, scratch);
  spread_to_channels(all, mean, 0);
  spread_to_channels(all, rstd, 1);
  for_pieces(all, [&](const Piece& piece) {
    sum_gradients(all, piece, x, dy, gain, bias, silu);
    const float* sum = all.channel_sums + piece.index * 2 * shape.channels;
    double* out = all.group_sums + piece.index * 2 * shape.groups;
    for (int64_t g = 0; g < shape.groups; ++g) {
      double total = 0, total_xhat = 0;
      for (int64_t c = g * all.group_size; c < (g + 1) * all.group_size; ++c) {
        total += static_cast<double>(gain[c]) * sum[c];
        total_xhat += static_cast<double>(gain[c]) * sum[shape.channels + c];
      }
      out[2 * g] = total;
      out[2 * g + 1] = total_xhat;
    }
  });

  const double group_elements = static_cast<double>(shape.pixels * all.group_size);
  for (int64_t n = 0; n < shape.samples; ++n) {
    for (int64_t g = 0; g < shape.groups; ++g) {
      double total = 0, total_xhat = 0;
      for (int64_t k = n * all.pixels.count(); k < (n + 1) * all.pixels.count(); ++k) {
        total += all.group_sums[(k * shape.groups + g) * 2];
        total_xhat += all.group_sums[(k * shape.groups + g) * 2 + 1];
      }
      const double factor = rstd[n * shape.groups + g] / group_elements;
      const int64_t first = g * all.group_size;
      std::fill_n(all.channel_array(2, n) + first, all.group_size, static_cast<float>(total * factor));
      std::fill_n(all.channel_array(3, n) + first, all.group_size, static_cast<float>(total_xhat * factor));
    }
  }

  for_pieces(all, [&](const Piece& piece) {
    for_sources(x, [&](size_t i, int64_t offset) {
      if (!dx[i].data.data) return;
      const int64_t at = (piece.sample * shape.pixels + piece.first) * x[i].channels;
      group_norm_gradient_rows(piece_of(x[i], all, piece), {dy.at(element_of(all, piece, offset)), shape.channels},
                               {dx[i].data.at(at), x[i].channels}, piece.pixels, x[i].channels,
                               norm_channels(all, piece.sample, gain, bias, offset),
                               all.channel_array(2, piece.sample) + offset, all.channel_array(3, piece.sample) + offset,
                               silu);
    });
  });
}

void group_norm_backward_parameters(const GroupNormShape& shape, std::span<const ChannelSource> x, In dy,
                                    const float* gain, const float* bias, bool silu, const float* mean,
                                    const float* rstd, float* dgain, float* dbias, void* scratch) {
  check_arguments("group_norm_backward_parameters", shape, x, dy.dtype);
  const Pieces all(shape, scratch);
  spread_to_channels(all, mean, 0);
  spread_to_channels(all, rstd, 1);
  for_pieces(all, [&](const Piece& piece) { sum_gradients(all, piece, x, dy, gain, bias, silu); });
  parallel_tasks(shape.channels, all.count() * shape.channels, [&](int64_t c) {
    double total = 0, total_xhat = 0;
    for (int64_t k = 0; k < all.count(); ++k) {
      total += all.channel_sums[k * 2 * shape.channels + c];
      total_xhat += all.channel_sums[(k * 2 + 1) * shape.channels + c];
    }
    dbias[c] = static_cast<float>(total);
    dgain[c] = static_cast<float>(total_xhat);
  });
}

}  // namespace rankine::cpu
