// Fused attention at the sizes of Stable Diffusion 1.5 at 512x512: f32 and bf16, each implementation, both passes.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "backend/cpu/kernels/attention/attention.h"
#include "base/half.h"

namespace rankine {
namespace {

/// Zero-initialised memory aligned to 64 bytes.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : bytes_((bytes + 63) / 64 * 64), data_(std::aligned_alloc(64, bytes_)) {
    std::memset(data_, 0, bytes_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_;
  void* data_;
};

/// `count` values of about unit spread.
void fill(const Buffer& buffer, DType dtype, int64_t count, uint32_t seed) {
  for (int64_t i = 0; i < count; ++i) {
    float value = 0;
    for (int j = 0; j < 3; ++j) {
      seed = seed * 1664525u + 1013904223u;
      value += static_cast<float>(seed >> 8) / (1 << 23) - 1.0f;
    }
    if (dtype == DType::f32) {
      static_cast<float*>(buffer.data())[i] = value;
    } else {
      static_cast<uint16_t*>(buffer.data())[i] = bf16_from_f32(value);
    }
  }
}

struct Size {
  int64_t queries, keys, heads, head_size;
};

void run(benchmark::State& state, Size size, DType dtype, AttentionIsa isa, bool backward) {
  const int64_t width = size.heads * size.head_size;
  AttentionShape s;
  s.query_length = size.queries;
  s.key_length = size.keys;
  s.heads = size.heads;
  s.head_size = size.head_size;
  s.scale = 1 / std::sqrt(static_cast<float>(size.head_size));
  s.query_stride = s.key_stride = s.value_stride = s.output_stride = width;
  const int64_t query_count = size.queries * width, key_count = size.keys * width;
  const size_t element = size_of(dtype);
  const Buffer q(query_count * element), k(key_count * element), v(key_count * element), out(query_count * element),
      dout(query_count * element), dq(query_count * element), dk(key_count * element), dv(key_count * element),
      lse(size.queries * size.heads * sizeof(float));
  fill(q, dtype, query_count, 1);
  fill(k, dtype, key_count, 2);
  fill(v, dtype, key_count, 3);
  fill(dout, dtype, query_count, 4);
  const int threads = omp_get_max_threads();
  const Buffer memory(std::max(attention_scratch_bytes(s, dtype, false, threads, isa),
                               attention_scratch_bytes(s, dtype, true, threads, isa)));
  const AttentionScratch scratch{memory.data(), memory.bytes(), threads};
  const auto forward = [&] {
    attention_forward(s, dtype, q.data(), k.data(), v.data(), out.data(), static_cast<float*>(lse.data()), scratch,
                      isa);
  };
  forward();
  for (auto _ : state) {
    if (!backward) {
      forward();
    } else {
      attention_backward(s, dtype, q.data(), k.data(), v.data(), out.data(), static_cast<const float*>(lse.data()),
                         dout.data(), dq.data(), dk.data(), dv.data(), scratch, isa);
    }
  }
  // Two products forward, five backward, each of a multiplication and an addition.
  const double flops = (backward ? 10.0 : 4.0) * size.queries * size.keys * width;
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void add(Size size, DType dtype, AttentionIsa isa) {
  if (!attention_isa_available(isa, dtype)) return;
  for (const bool backward : {false, true}) {
    const std::string name = std::string(backward ? "backward" : "forward") + "/" + std::string(name_of(dtype)) + "/" +
                             std::string(name_of(isa)) + "/queries:" + std::to_string(size.queries) +
                             "/keys:" + std::to_string(size.keys) + "/head:" + std::to_string(size.head_size);
    benchmark::RegisterBenchmark(name.c_str(), run, size, dtype, isa, backward)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

const bool registered = [] {
  constexpr Size sizes[] = {{4096, 4096, 8, 40}, {1024, 1024, 8, 80}, {256, 256, 8, 160}, {64, 64, 8, 160},
                            {4096, 77, 8, 40},   {1024, 77, 8, 80},   {256, 77, 8, 160}};
  for (const Size& size : sizes) {
    add(size, DType::f32, AttentionIsa::portable);
    add(size, DType::bf16, AttentionIsa::portable);
    add(size, DType::bf16, AttentionIsa::avx512_bf16);
    add(size, DType::bf16, AttentionIsa::amx_bf16);
  }
  return true;
}();

}  // namespace
}  // namespace rankine
