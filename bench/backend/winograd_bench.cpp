// 3x3 convolutions of Stable Diffusion 1.5 at 512x512: oneDNN's direct convolution against Winograd's, each shape's two
// in turn.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "backend/cpu/dnnl_compat.h"
#include "backend/cpu/kernels/winograd/winograd.h"
#include "base/half.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

/// Values of about unit spread.
std::vector<float> random_values(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    value = 0;
    for (int j = 0; j < 3; ++j) {
      seed = seed * 1664525u + 1013904223u;
      value += static_cast<float>(seed >> 8) / (1 << 23) - 1.0f;
    }
  }
  return values;
}

/// A tensor of oneDNN's, filled with values in the order of `plain`.
dnnl::memory filled(const Desc& desc, const Desc& plain, std::vector<float> values) {
  dnnl::memory from(plain, engine(), values.data()), to(desc, engine());
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

/// As many copies of the weights as it takes to push each out of the caches between two uses, as in a training step.
int64_t copies(size_t bytes) { return 1 + static_cast<int64_t>((size_t{96} << 20) / bytes); }

struct Operands {
  dnnl::memory x, y;
  std::vector<float> w;
};

Operands operands(const WinogradShape& s) {
  const auto type = dnnl_type(s.dtype);
  const dnnl::memory::dims in = {s.images, s.channels_in, s.height, s.width};
  const dnnl::memory::dims out = {s.images, s.channels_out, s.height, s.width};
  std::vector<float> w = random_values(9 * s.channels_in * s.channels_out, 2);
  for (float& value : w) value /= std::sqrt(9.0f * static_cast<float>(s.channels_in));
  const int64_t count = s.images * s.height * s.width;
  return {filled({in, type, Tag::acdb}, {in, dnnl::memory::data_type::f32, Tag::acdb},
                 random_values(count * s.channels_in, 1)),
          filled({out, type, Tag::acdb}, {out, dnnl::memory::data_type::f32, Tag::acdb},
                 std::vector<float>(static_cast<size_t>(count * s.channels_out))),
          std::move(w)};
}

void count_flops(benchmark::State& state, const WinogradShape& s) {
  const double flops = 18.0 * static_cast<double>(s.images * s.height * s.width * s.channels_in * s.channels_out);
  state.counters["direct FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void direct(benchmark::State& state, WinogradShape s) {
  const Operands o = operands(s);
  const auto type = dnnl_type(s.dtype);
  const dnnl::memory::dims kernel = {s.channels_out, s.channels_in, 3, 3};
  const auto desc = make_convolution(
      engine(), {o.x.get_desc(), {kernel, type, Tag::any}, Desc(), o.y.get_desc(), {1, 1}, {1, 1}, {1, 1}}, {});
  std::vector<dnnl::memory> weights;
  for (int64_t i = 0; i < copies(bytes_of(desc.weights_desc())); ++i)
    weights.push_back(filled(desc.weights_desc(), {kernel, dnnl::memory::data_type::f32, Tag::abcd}, o.w));
  const dnnl::convolution_forward convolution(desc);
  dnnl::stream stream(engine());
  size_t i = 0;
  for (auto _ : state) {
    convolution.execute(stream, {{DNNL_ARG_SRC, o.x}, {DNNL_ARG_WEIGHTS, weights[i]}, {DNNL_ARG_DST, o.y}});
    i = (i + 1) % weights.size();
  }
  count_flops(state, s);
}

void winograd(benchmark::State& state, WinogradShape s, WinogradCut cut) {
  const Operands o = operands(s);
  const dnnl::stream stream(engine());
  Pool pool;
  Arena working;
  std::vector<std::unique_ptr<WinogradConvolution>> convolutions;
  const size_t bytes = winograd_weight_bytes(engine(), s.channels_in, s.channels_out, s.dtype);
  for (int64_t i = 0; i < copies(bytes); ++i)
    convolutions.push_back(std::make_unique<WinogradConvolution>(
        engine(), stream, s,
        std::make_shared<WinogradWeights>(engine(), o.w, s.channels_in, s.channels_out, s.dtype, false, pool, working),
        cut));
  const std::unique_ptr<std::byte[], void (*)(void*)> scratch(
      static_cast<std::byte*>(std::aligned_alloc(64, (convolutions[0]->scratch_bytes() + 63) / 64 * 64)), std::free);
  size_t i = 0;
  for (auto _ : state) {
    convolutions[i]->run({o.x.get_data_handle(), s.dtype}, nullptr, {}, {o.y.get_data_handle(), s.dtype},
                         scratch.get());
    i = (i + 1) % convolutions.size();
  }
  count_flops(state, s);
}

void transform_weights(benchmark::State& state, int64_t channels, DType dtype, bool flipped) {
  const std::vector<float> w = random_values(9 * channels * channels, 3);
  Pool pool;
  Arena working;
  for (auto _ : state) {
    WinogradWeights(engine(), w, channels, channels, dtype, flipped, pool, working);
    pool.shrink(0);
  }
}

const bool registered = [] {
  struct Size {
    int64_t in, out, side;
  };
  constexpr Size sizes[] = {{320, 320, 64},   {640, 320, 64},   {960, 320, 64},  {640, 640, 64},
                            {640, 640, 32},   {1280, 640, 32},  {1920, 640, 32}, {1280, 1280, 32},
                            {1280, 1280, 16}, {2560, 1280, 16}, {1280, 1280, 8}, {2560, 1280, 8}};
  for (const DType dtype : {DType::bf16, DType::f32}) {
    for (const int64_t images : {1, 4}) {
      for (const Size& size : sizes) {
        const WinogradShape s{images, size.side, size.side, size.in, size.out, dtype};
        if (!winograd_supported(engine(), s.channels_in, s.channels_out, s.dtype)) continue;
        const std::string name = "/" + std::string(name_of(dtype)) + "/images:" + std::to_string(images) + "/" +
                                 std::to_string(size.in) + "-" + std::to_string(size.out) + "@" +
                                 std::to_string(size.side);
        benchmark::RegisterBenchmark(("direct" + name).c_str(), direct, s)
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
        benchmark::RegisterBenchmark(("winograd" + name).c_str(), winograd, s, winograd_cut(s, omp_get_max_threads()))
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
        for (const int64_t block : {64, 128, 256, 512}) {
          for (const int64_t blocks : {1, 2, 4}) {
            if (blocks > 1 && block * blocks > s.tiles().count()) continue;
            benchmark::RegisterBenchmark(
                ("cut" + name + "/block:" + std::to_string(block) + "/blocks:" + std::to_string(blocks)).c_str(),
                winograd, s, WinogradCut{block, blocks})
                ->Unit(benchmark::kMillisecond)
                ->UseRealTime();
          }
        }
      }
    }
    for (const bool flipped : {false, true})
      benchmark::RegisterBenchmark(
          ("weights/" + std::string(name_of(dtype)) + (flipped ? "/flipped" : "") + "/1280-1280").c_str(),
          transform_weights, 1280, dtype, flipped)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
  }
  return true;
}();

}  // namespace
}  // namespace rankine::cpu
