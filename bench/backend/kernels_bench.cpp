// Throughput of the vector kernels on Stable Diffusion 1.5's largest shapes (512 x 512 pictures, batch 1).
#include <benchmark/benchmark.h>

#include <vector>

#include "backend/cpu/kernels/elementwise/activation.h"
#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "backend/cpu/kernels/elementwise/geglu.h"
#include "backend/cpu/kernels/norm/group_norm.h"
#include "backend/cpu/kernels/norm/layer_norm.h"
#include "backend/cpu/kernels/shape/reduce.h"
#include "backend/cpu/kernels/update/adamw.h"
#include "base/half.h"

namespace rankine::cpu {
namespace {

std::vector<Bf16> bf16_values(int64_t n) {
  std::vector<Bf16> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = bf16_from_f32(static_cast<float>(i * 2654435761u % 4096) / 1024 - 2);
  return x;
}

void count(benchmark::State& state, int64_t elements) { state.SetItemsProcessed(state.iterations() * elements); }

void add(benchmark::State& state) {
  const int64_t n = 4096 * 320;
  const std::vector<Bf16> a = bf16_values(n), b = a;
  std::vector<Bf16> y(a.size());
  for (auto _ : state) binary(BinaryOp::add, Broadcast::none, a.data(), b.data(), y.data(), {.channels = n});
  count(state, n);
}
BENCHMARK(add)->UseRealTime();

void gelu(benchmark::State& state) {
  const int64_t n = 4096 * 320;
  const std::vector<Bf16> x = bf16_values(n);
  std::vector<Bf16> y(x.size());
  for (auto _ : state) activation(Activation::gelu, x.data(), y.data(), n);
  count(state, n);
}
BENCHMARK(gelu)->UseRealTime();

void geglu_forward(benchmark::State& state) {
  const int64_t rows = 4096, width = 1280;
  const std::vector<Bf16> x = bf16_values(rows * 2 * width);
  std::vector<Bf16> y(x.size() / 2);
  for (auto _ : state) geglu(x.data(), y.data(), rows, width);
  count(state, rows * width);
}
BENCHMARK(geglu_forward)->UseRealTime();

void geglu_gradient(benchmark::State& state) {
  const int64_t rows = 4096, width = 1280;
  const std::vector<Bf16> x = bf16_values(rows * 2 * width), dy = bf16_values(rows * width);
  std::vector<Bf16> dx(x.size());
  for (auto _ : state) geglu_backward(x.data(), dy.data(), dx.data(), rows, width);
  count(state, rows * width);
}
BENCHMARK(geglu_gradient)->UseRealTime();

/// Everything a norm of [1, 4096, 320] reads and writes.
struct NormData {
  static constexpr int64_t pixels = 4096, channels = 320;
  GroupNormShape shape{1, pixels, channels, 32};
  std::vector<Bf16> x = bf16_values(pixels * channels), dy = x, y = x;
  std::vector<float> gain = std::vector<float>(channels, 1.0f), bias = std::vector<float>(channels, 0.1f);
  std::vector<float> mean = std::vector<float>(pixels), rstd = mean;
  std::vector<double> scratch = std::vector<double>(group_norm_scratch_bytes(shape) / 8 + 1);
  ChannelSource source() const { return {x.data(), channels}; }
  ChannelSink sink() { return {y.data(), channels}; }
};

void group_norm_forward(benchmark::State& state) {
  NormData d;
  const ChannelSource source = d.source();
  for (auto _ : state) {
    group_norm(d.shape, {&source, 1}, d.gain.data(), d.bias.data(), 1e-5f, state.range(0) != 0, d.y.data(),
               d.mean.data(), d.rstd.data(), d.scratch.data());
  }
  count(state, NormData::pixels * NormData::channels);
}
BENCHMARK(group_norm_forward)->ArgName("silu")->Arg(0)->Arg(1)->UseRealTime();

void group_norm_gradient(benchmark::State& state) {
  NormData d;
  const ChannelSource source = d.source();
  const ChannelSink sink = d.sink();
  for (auto _ : state) {
    group_norm_backward(d.shape, {&source, 1}, d.dy.data(), d.gain.data(), d.bias.data(), state.range(0) != 0,
                        d.mean.data(), d.rstd.data(), {&sink, 1}, d.scratch.data());
  }
  count(state, NormData::pixels * NormData::channels);
}
BENCHMARK(group_norm_gradient)->ArgName("silu")->Arg(0)->Arg(1)->UseRealTime();

void layer_norm_forward(benchmark::State& state) {
  NormData d;
  for (auto _ : state) {
    layer_norm(d.x.data(), d.gain.data(), d.bias.data(), 1e-5f, d.y.data(), d.mean.data(), d.rstd.data(),
               NormData::pixels, NormData::channels);
  }
  count(state, NormData::pixels * NormData::channels);
}
BENCHMARK(layer_norm_forward)->UseRealTime();

void layer_norm_gradient(benchmark::State& state) {
  NormData d;
  for (auto _ : state) {
    layer_norm_backward(d.x.data(), d.dy.data(), d.gain.data(), d.mean.data(), d.rstd.data(), d.y.data(),
                        NormData::pixels, NormData::channels);
  }
  count(state, NormData::pixels * NormData::channels);
}
BENCHMARK(layer_norm_gradient)->UseRealTime();

void squares(benchmark::State& state) {
  const std::vector<float> x(4'000'000, 0.5f);
  for (auto _ : state) benchmark::DoNotOptimize(sum_squares(x.data(), static_cast<int64_t>(x.size())));
  count(state, static_cast<int64_t>(x.size()));
}
BENCHMARK(squares)->UseRealTime();

void adamw(benchmark::State& state) {
  std::vector<float> p(4'000'000, 0.5f), m(p.size(), 0.1f), v(p.size(), 0.1f), g(p.size(), 0.2f);
  for (auto _ : state) {
    adamw_update({}, p.data(), m.data(), v.data(), g.data(), static_cast<int64_t>(p.size()));
  }
  count(state, static_cast<int64_t>(p.size()));
}
BENCHMARK(adamw)->UseRealTime();

}  // namespace
}  // namespace rankine::cpu
