#include <benchmark/benchmark.h>

#include <vector>

#include "base/half.h"
#include "base/rng.h"

namespace rankine {
namespace {

// The noise of a 512x512 step is 16,384 numbers: this must stay far below a millisecond a step.
void noise_of_a_512_latent(benchmark::State& state) {
  std::vector<float> noise(4 * 64 * 64);
  uint64_t step = 0;
  for (auto _ : state) {
    Rng rng(42, purpose::noise, step++);
    rng.fill_normal(noise);
    benchmark::DoNotOptimize(noise.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(noise.size()));
}
BENCHMARK(noise_of_a_512_latent);

// A checkpoint is read as fp16: 1.07e9 elements for SD 1.5.
void float_from_half(benchmark::State& state) {
  std::vector<uint16_t> half(1 << 16, 0x3555);
  std::vector<float> wide(half.size());
  for (auto _ : state) {
    for (size_t i = 0; i < half.size(); ++i) wide[i] = f32_from_f16(half[i]);
    benchmark::DoNotOptimize(wide.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(half.size()));
}
BENCHMARK(float_from_half);

}  // namespace
}  // namespace rankine
