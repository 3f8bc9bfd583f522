// A frozen layer with its LoRA, and the gradient of a LoRA matrix, at the sizes of Stable Diffusion 1.5 at 512x512:
// our own products (kernels/linear.h) in each type that runs here.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "backend/cpu/kernels/linear/linear.h"
#include "base/half.h"

namespace rankine::cpu {
namespace {

constexpr int64_t kRank = 32;

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<void, Free>;

Buffer working_memory(size_t bytes) { return Buffer(std::aligned_alloc(64, (bytes + 64) / 64 * 64)); }

/// Small values that are no two alike.
Buffer values(DType dtype, int64_t count) {
  Buffer buffer = working_memory(static_cast<size_t>(count) * size_of(dtype));
  uint32_t seed = 1;
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    const float value = static_cast<float>(seed >> 8) / (1 << 24) - 0.5f;
    if (dtype == DType::f32) {
      static_cast<float*>(buffer.get())[i] = value;
    } else {
      static_cast<uint16_t*>(buffer.get())[i] = bf16_from_f32(value);
    }
  }
  return buffer;
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void layer(benchmark::State& state, LoraLinearShape s) {
  const int threads = omp_get_max_threads();
  const Buffer x = values(s.dtype, s.rows * s.depth), w = values(s.dtype, s.depth * s.columns),
               a = values(s.dtype, s.depth * kRank), b = values(s.dtype, s.columns * kRank),
               y = values(s.dtype, s.rows * s.columns), low = values(s.dtype, s.rows * kRank);
  const Buffer packed = working_memory(packed_panel_bytes(s.dtype, s.depth, s.columns)),
               scratch = working_memory(lora_linear_scratch_bytes(s, threads));
  auto* panels = static_cast<uint32_t*>(packed.get());
  pack_panels(s.dtype, {w.get(), s.depth, s.columns, true, s.depth}, panels);
  const LoraLinearOperands operands{.x = x.get(),
                                    .w = panels,
                                    .a = {a.get(), s.depth, kRank, true, s.depth},
                                    .b = {b.get(), kRank, s.columns, true, kRank},
                                    .bias = nullptr,
                                    .residual = nullptr,
                                    .y = y.get(),
                                    .low = low.get()};
  for (auto _ : state) lora_linear(s, operands, scratch.get(), threads);
  count_flops(state, 2.0 * static_cast<double>(s.rows * (s.depth * s.columns + kRank * (s.depth + s.columns))));
}

void gradient(benchmark::State& state, LoraGradShape s) {
  const int threads = omp_get_max_threads();
  const Buffer x = values(s.dtype, s.rows * s.inputs), dy = values(s.dtype, s.rows * s.outputs),
               dw = values(DType::f32, s.inputs * s.outputs),
               scratch = working_memory(lora_grad_w_scratch_bytes(s, threads));
  for (auto _ : state) lora_grad_w(s, x.get(), dy.get(), static_cast<float*>(dw.get()), scratch.get(), threads);
  count_flops(state, 2.0 * static_cast<double>(s.rows * s.inputs * s.outputs));
}

const bool registered = [] {
  struct Size {
    int64_t rows, depth, columns;
  };
  const auto add = [](const std::string& name, auto function, auto shape) {
    benchmark::RegisterBenchmark(name.c_str(), function, shape)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  for (const DType dtype : {DType::f32, DType::bf16}) {
    if (!product_kernels(dtype)) continue;
    for (const Size s : {Size{4096, 320, 320},
                         {4096, 320, 2560},
                         {4096, 1280, 320},
                         {1024, 640, 640},
                         {1024, 640, 5120},
                         {256, 1280, 1280},
                         {256, 1280, 10240},
                         {256, 5120, 1280},
                         {77, 768, 640}}) {
      const std::string size = std::string(name_of(dtype)) + "/rows:" + std::to_string(s.rows) +
                               "/in:" + std::to_string(s.depth) + "/out:" + std::to_string(s.columns);
      add("lora_linear/" + size, layer, LoraLinearShape{s.rows, s.depth, s.columns, kRank, dtype});
      add("grad_w/down/" + size, gradient, LoraGradShape{s.rows, s.depth, kRank, dtype});
      add("grad_w/up/" + size, gradient, LoraGradShape{s.rows, kRank, s.columns, dtype});
    }
  }
  return true;
}();

}  // namespace
}  // namespace rankine::cpu
