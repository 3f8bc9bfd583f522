#include <omp.h>

#include "backend/cpu/kernels/norm/group_norm.h"
#include "backend/cpu/kernels/norm/layer_norm.h"
#include "backend/cpu/kernels/support.h"

namespace rankine::cpu::test {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Group norm of x: [N, P, C] in double; all gradients too.
struct Expected {
  std::vector<double> y, mean, rstd, dx, dgain, dbias;
};

Expected plain_group_norm(const GroupNormShape& s, const std::function<double(int64_t)>& x, const Buffer& dy,
                          const Buffer& gain, const Buffer& bias, double eps, bool silu) {
  const int64_t count = s.samples * s.pixels * s.channels, size = s.channels / s.groups;
  Expected e;
  e.y.resize(static_cast<size_t>(count));
  e.dx = e.y;
  e.dgain.resize(static_cast<size_t>(s.channels));
  e.dbias = e.dgain;
  for (int64_t n = 0; n < s.samples; ++n) {
    for (int64_t g = 0; g < s.groups; ++g) {
      const double elements = static_cast<double>(s.pixels * size);
      const auto each = [&](const std::function<void(int64_t i, int64_t c)>& body) {
        for (int64_t p = 0; p < s.pixels; ++p) {
          for (int64_t c = g * size; c < (g + 1) * size; ++c) body((n * s.pixels + p) * s.channels + c, c);
        }
      };
      double mean = 0, variance = 0, sum = 0, sum_xhat = 0;
      each([&](int64_t i, int64_t) { mean += x(i) / elements; });
      each([&](int64_t i, int64_t) { variance += (x(i) - mean) * (x(i) - mean) / elements; });
      const double rstd = 1 / std::sqrt(variance + eps);
      e.mean.push_back(mean);
      e.rstd.push_back(rstd);
      const auto dz = [&](int64_t i, int64_t c) {
        const double z = (x(i) - mean) * rstd * gain.get(c) + bias.get(c), f = sigmoid(z);
        return dy.get(i) * (silu ? f * (1 + z * (1 - f)) : 1.0);
      };
      each([&](int64_t i, int64_t c) {
        const double xhat = (x(i) - mean) * rstd, z = xhat * gain.get(c) + bias.get(c);
        e.y[static_cast<size_t>(i)] = silu ? z * sigmoid(z) : z;
        e.dgain[static_cast<size_t>(c)] += dz(i, c) * xhat;
        e.dbias[static_cast<size_t>(c)] += dz(i, c);
        sum += dz(i, c) * gain.get(c) / elements;
        sum_xhat += dz(i, c) * gain.get(c) * xhat / elements;
      });
      each([&](int64_t i, int64_t c) {
        e.dx[static_cast<size_t>(i)] = rstd * (dz(i, c) * gain.get(c) - sum - (x(i) - mean) * rstd * sum_xhat);
      });
    }
  }
  return e;
}

struct GroupNormCase {
  GroupNormShape shape;
  int64_t second;  ///< channels of the second source, 0 for none
};

void check_group_norm(const GroupNormCase& c, DType tx, DType ty, bool silu) {
  const GroupNormShape& s = c.shape;
  const int64_t count = s.samples * s.pixels * s.channels, first = s.channels - c.second;
  Buffer x1 = Buffer::random(tx, s.samples * s.pixels * first, 1);
  Buffer x2 = Buffer::random(tx, s.samples * s.pixels * c.second, 2, 0.5);
  const Buffer dy = Buffer::random(ty, count, 3);
  const Buffer gain = Buffer::random(DType::f32, s.channels, 4), bias = Buffer::random(DType::f32, s.channels, 5);
  const auto x = [&](int64_t i) {
    const int64_t at = i / s.channels, channel = i % s.channels;
    return channel < first ? x1.get(at * first + channel) : x2.get(at * c.second + channel - first);
  };
  const Expected e = plain_group_norm(s, x, dy, gain, bias, 1e-5, silu);

  std::vector<ChannelSource> sources = {{x1.in(), first}};
  if (c.second) sources.push_back({x2.in(), c.second});
  std::vector<double> scratch(group_norm_scratch_bytes(s) / 8 + 1);
  Buffer y(ty, count), mean(DType::f32, s.samples * s.groups), rstd = mean;
  group_norm(s, sources, gain.f32(), bias.f32(), 1e-5f, silu, y.out(), mean.f32(), rstd.f32(), scratch.data());
  check_close(y, e.y, 3e-6);
  check_close(mean, e.mean);
  check_close(rstd, e.rstd, 2e-6);

  Buffer dx1(tx, x1.count()), dx2(tx, x2.count());
  std::vector<ChannelSink> sinks = {{dx1.out(), first}};
  if (c.second) sinks.push_back({dx2.out(), c.second});
  group_norm_backward(s, sources, dy.in(), gain.f32(), bias.f32(), silu, mean.f32(), rstd.f32(), sinks, scratch.data());
  std::vector<double> wanted1, wanted2;
  for (int64_t i = 0; i < count; ++i)
    (i % s.channels < first ? wanted1 : wanted2).push_back(e.dx[static_cast<size_t>(i)]);
  check_close(dx1, wanted1, 1e-5);
  check_close(dx2, wanted2, 1e-5);
  if (tx == ty && !c.second) {
    Buffer in_place = dy;
    const ChannelSink over_dy{in_place.out(), first};
    group_norm_backward(s, sources, in_place.in(), gain.f32(), bias.f32(), silu, mean.f32(), rstd.f32(), {&over_dy, 1},
                        scratch.data());
    CHECK(in_place == dx1);
  }

  Buffer dgain(DType::f32, s.channels), dbias = dgain;
  group_norm_backward_parameters(s, sources, dy.in(), gain.f32(), bias.f32(), silu, mean.f32(), rstd.f32(), dgain.f32(),
                                 dbias.f32(), scratch.data());
  check_close(dgain, e.dgain, 1e-5 * std::sqrt(static_cast<double>(s.samples * s.pixels)));
  check_close(dbias, e.dbias, 1e-5 * std::sqrt(static_cast<double>(s.samples * s.pixels)));
}

TEST_CASE("group norm, with silu and two sources, and all its gradients equal plain loops, that of x over dy too") {
  const std::vector<GroupNormCase> cases = {
      {{1, 1, 6, 2}, 0},    {{2, 7, 6, 3}, 0},    {{1, 9, 64, 32}, 0}, {{2, 33, 96, 32}, 0},   {{1, 17, 31, 1}, 0},
      {{2, 12, 40, 4}, 17}, {{1, 30, 64, 8}, 32}, {{1, 100, 7, 7}, 3}, {{1, 300, 320, 32}, 0}, {{2, 131, 320, 32}, 130},
  };
  for_each_target([&] {
    for (const GroupNormCase& c : cases) {
      CAPTURE(c.shape.channels);
      for (const DType tx : storages) {
        for (const DType ty : storages_beside(tx)) {
          for (const bool silu : {false, true}) check_group_norm(c, tx, ty, silu);
        }
      }
    }
  });
}

TEST_CASE("group norm keeps its precision when the mean is large next to the spread") {
  const GroupNormShape s{1, 900, 64, 4};
  Buffer x = Buffer::random(DType::f32, s.pixels * s.channels, 1, 0.5);
  for (int64_t i = 0; i < x.count(); ++i) x.set(i, x.get(i) + 300.0);
  const Buffer dy(x), gain = Buffer::random(DType::f32, 64, 2), bias = Buffer::random(DType::f32, 64, 3);
  const Expected e = plain_group_norm(
      s, [&](int64_t i) { return x.get(i); }, dy, gain, bias, 1e-5, false);
  Buffer y(DType::f32, x.count()), mean(DType::f32, 4), rstd = mean;
  std::vector<double> scratch(group_norm_scratch_bytes(s) / 8 + 1);
  const ChannelSource source{x.in(), 64};
  group_norm(s, {&source, 1}, gain.f32(), bias.f32(), 1e-5f, false, y.out(), mean.f32(), rstd.f32(), scratch.data());
  check_close(rstd, e.rstd, 1e-5);
  check_close(y, e.y, 2e-4);  // one unit in the last place of the mean is 3e-5, times rstd * gain
}

TEST_CASE("norms give the same bits for every number of threads") {
  const GroupNormShape s{2, 700, 96, 32};
  const Buffer x = Buffer::random(DType::bf16, 2 * 700 * 96, 1), dy = Buffer::random(DType::bf16, 2 * 700 * 96, 2);
  const Buffer gain = Buffer::random(DType::f32, 96, 3), bias = Buffer::random(DType::f32, 96, 4);
  const ChannelSource source{x.in(), 96};
  std::vector<double> scratch(std::max(group_norm_scratch_bytes(s), layer_norm_scratch_bytes(1400, 96)) / 8 + 1);
  std::vector<Buffer> first;
  for (const int threads : {1, 2, 3}) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    std::vector<Buffer> got(5, Buffer(DType::bf16, x.count()));
    Buffer mean(DType::f32, 1400), rstd = mean, dgain(DType::f32, 96), dbias = dgain;
    const ChannelSink sink{got[1].out(), 96};
    group_norm(s, {&source, 1}, gain.f32(), bias.f32(), 1e-5f, true, got[0].out(), mean.f32(), rstd.f32(),
               scratch.data());
    group_norm_backward(s, {&source, 1}, dy.in(), gain.f32(), bias.f32(), true, mean.f32(), rstd.f32(), {&sink, 1},
                        scratch.data());
    got.push_back(mean);
    layer_norm(x.in(), gain.f32(), bias.f32(), 1e-5f, got[2].out(), mean.f32(), rstd.f32(), 1400, 96);
    layer_norm_backward(x.in(), dy.in(), gain.f32(), mean.f32(), rstd.f32(), got[3].out(), 1400, 96);
    layer_norm_backward_parameters(x.in(), dy.in(), mean.f32(), rstd.f32(), dgain.f32(), dbias.f32(), 1400, 96,
                                   scratch.data());
    got.push_back(dgain);
    got.push_back(dbias);
    omp_set_num_threads(before);
    if (first.empty()) first = got;
    CHECK(first == got);
  }
}

TEST_CASE("layer norm and all its gradients equal plain loops, that of x over dy too") {
  for_each_target([] {
    const int64_t rows = 5;
    for (const int64_t channels : odd_sizes) {
      if (channels == 1) continue;  // no spread
      for (const DType tx : storages) {
        for (const DType ty : storages_beside(tx)) {
          const Buffer x = Buffer::random(tx, rows * channels, 1), dy = Buffer::random(ty, rows * channels, 2);
          const Buffer gain = Buffer::random(DType::f32, channels, 3), bias = Buffer::random(DType::f32, channels, 4);
          // A row is a sample with one pixel and one group.
          const Expected e = plain_group_norm(
              {rows, 1, channels, 1}, [&](int64_t i) { return x.get(i); }, dy, gain, bias, 1e-5, false);
          Buffer y(ty, x.count()), dx(tx, x.count()), mean(DType::f32, rows), rstd = mean;
          Buffer dgain(DType::f32, channels), dbias = dgain;
          layer_norm(x.in(), gain.f32(), bias.f32(), 1e-5f, y.out(), mean.f32(), rstd.f32(), rows, channels);
          layer_norm_backward(x.in(), dy.in(), gain.f32(), mean.f32(), rstd.f32(), dx.out(), rows, channels);
          std::vector<double> scratch(layer_norm_scratch_bytes(rows, channels) / 8 + 1);
          layer_norm_backward_parameters(x.in(), dy.in(), mean.f32(), rstd.f32(), dgain.f32(), dbias.f32(), rows,
                                         channels, scratch.data());
          check_close(y, e.y, 3e-6);
          check_close(mean, e.mean);
          check_close(rstd, e.rstd, 2e-6);
          check_close(dx, e.dx, 1e-5);
          if (tx == ty) {
            Buffer in_place = dy;
            layer_norm_backward(x.in(), in_place.in(), gain.f32(), mean.f32(), rstd.f32(), in_place.out(), rows,
                                channels);
            CHECK(in_place == dx);
          }
          check_close(dgain, e.dgain, 1e-5);
          check_close(dbias, e.dbias, 1e-5);
          Buffer without(ty, x.count());
          layer_norm(x.in(), gain.f32(), bias.f32(), 1e-5f, without.out(), nullptr, nullptr, rows, channels);
          CHECK(without == y);
        }
      }
    }
  });
}

TEST_CASE("group norm refuses channels that do not divide into groups and sources that do not add up") {
  float x[12] = {};
  double scratch[64];
  const ChannelSource source{x, 6};
  CHECK_THROWS_AS(group_norm({1, 2, 6, 4}, {&source, 1}, x, x, 1e-5f, false, x, x, x, scratch), Error);
  CHECK_THROWS_AS(group_norm({1, 2, 8, 4}, {&source, 1}, x, x, 1e-5f, false, x, x, x, scratch), Error);
}

}  // namespace
}  // namespace rankine::cpu::test
