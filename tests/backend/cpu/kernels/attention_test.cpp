#include "backend/cpu/kernels/attention/attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/half.h"

namespace rankine {
namespace {

/// Deterministic values of about unit spread.
struct Noise {
  uint64_t state;
  double operator()() {
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<double>(state >> 40) / (1 << 24) - 0.5;
    }
    return sum * 1.7320508;
  }
};

/// A tensor [batch, length, stride] of f32, bf16 or f16 whose rows begin with heads * head_size values; what follows a
/// row is padding that no kernel may change.
class Tensor {
 public:
  Tensor(DType dtype, int64_t tokens, int64_t width, int64_t stride)
      : dtype_(dtype),
        tokens_(tokens),
        width_(width),
        stride_(stride),
        bytes_(static_cast<size_t>(tokens * stride) * size_of(dtype) + kGuard, kUntouched) {}

  void randomise(uint64_t seed) {
    Noise noise{seed};
    for (int64_t t = 0; t < tokens_; ++t)
      for (int64_t i = 0; i < width_; ++i) set(t, i, static_cast<float>(noise()));
  }
  double get(int64_t token, int64_t column) const {
    const unsigned char* at = bytes_.data() + static_cast<size_t>(token * stride_ + column) * size_of(dtype_);
    float wide;
    uint16_t half;
    if (dtype_ == DType::f32) {
      std::memcpy(&wide, at, sizeof(wide));
      return wide;
    }
    std::memcpy(&half, at, sizeof(half));
    return dtype_ == DType::bf16 ? f32_from_bf16(half) : f32_from_f16(half);
  }
  /// True if everything but the rows still holds what it was filled with.
  bool padding_untouched() const {
    const size_t element = size_of(dtype_);
    for (size_t i = 0; i < bytes_.size(); ++i) {
      const int64_t column = static_cast<int64_t>(i / element) % stride_;
      const bool inside = i < bytes_.size() - kGuard && column < width_;
      if (!inside && bytes_[i] != kUntouched) return false;
    }
    return true;
  }
  void* data() { return bytes_.data(); }
  const std::vector<unsigned char>& bytes() const { return bytes_; }

 private:
  static constexpr size_t kGuard = 256;
  static constexpr unsigned char kUntouched = 0x7f;  // as a number this is large, so reading padding shows
  void set(int64_t token, int64_t column, float value) {
    unsigned char* at = bytes_.data() + static_cast<size_t>(token * stride_ + column) * size_of(dtype_);
    const uint16_t half = dtype_ == DType::bf16 ? bf16_from_f32(value) : f16_from_f32(value);
    if (dtype_ == DType::f32) {
      std::memcpy(at, &value, sizeof(value));
    } else {
      std::memcpy(at, &half, sizeof(half));
    }
  }
  DType dtype_;
  int64_t tokens_, width_, stride_;
  std::vector<unsigned char> bytes_;
};

using Matrix = std::vector<double>;  // [tokens][heads * head_size]

/// The definition, in double, from the rounded inputs.
struct Reference {
  Matrix out, lse, dq, dk, dv;

  Reference(const AttentionShape& s, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dout) {
    const int64_t width = s.heads * s.head_size;
    const auto zeros = [](int64_t count) { return Matrix(static_cast<size_t>(count), 0.0); };
    out = dq = zeros(s.batch * s.query_length * width);
    dk = dv = zeros(s.batch * s.key_length * width);
    lse = zeros(s.batch * s.heads * s.query_length);
    Matrix p(static_cast<size_t>(s.key_length));
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t h = 0; h < s.heads; ++h) {
        for (int64_t i = 0; i < s.query_length; ++i) {
          const int64_t query = n * s.query_length + i, at = h * s.head_size;
          const int64_t keys = s.causal ? std::min(i + 1, s.key_length) : s.key_length;
          double greatest = -1e300, sum = 0;
          for (int64_t j = 0; j < keys; ++j) {
            double dot = 0;
            for (int64_t c = 0; c < s.head_size; ++c) dot += q.get(query, at + c) * k.get(n * s.key_length + j, at + c);
            p[j] = dot * s.scale;
            greatest = std::max(greatest, p[j]);
          }
          for (int64_t j = 0; j < keys; ++j) sum += p[j] = std::exp(p[j] - greatest);
          lse[(n * s.heads + h) * s.query_length + i] = greatest + std::log(sum);
          double delta = 0;
          for (int64_t c = 0; c < s.head_size; ++c) {
            double& o = out[query * width + at + c];
            for (int64_t j = 0; j < keys; ++j) o += p[j] / sum * v.get(n * s.key_length + j, at + c);
            delta += o * dout.get(query, at + c);
          }
          for (int64_t j = 0; j < keys; ++j) {
            const int64_t key = n * s.key_length + j;
            double dp = 0;
            for (int64_t c = 0; c < s.head_size; ++c) {
              dp += dout.get(query, at + c) * v.get(key, at + c);
              dv[key * width + at + c] += p[j] / sum * dout.get(query, at + c);
            }
            const double ds = p[j] / sum * (dp - delta) * s.scale;
            for (int64_t c = 0; c < s.head_size; ++c) {
              dq[query * width + at + c] += ds * k.get(key, at + c);
              dk[key * width + at + c] += ds * q.get(query, at + c);
            }
          }
        }
      }
    }
  }
};

/// ||a - b|| / ||b||
double relative_error(const Tensor& a, const Matrix& b, int64_t width) {
  double difference = 0, norm = 1e-60;
  for (size_t i = 0; i < b.size(); ++i) {
    const double error = a.get(static_cast<int64_t>(i) / width, static_cast<int64_t>(i) % width) - b[i];
    difference += error * error;
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

/// Scratch of exactly the bytes that were asked for, with a guard behind them.
class Scratch {
 public:
  Scratch(const AttentionShape& s, DType dtype, bool backward, int threads, AttentionIsa isa) {
    bytes_ = attention_scratch_bytes(s, dtype, backward, threads, isa);
    storage_.assign(bytes_ + 192, 0xff);  // NaN, so that reading what nobody wrote shows
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    offset_ = (64 - address % 64) % 64;
    scratch = {storage_.data() + offset_, bytes_, threads};
  }
  bool guard_untouched() const {
    return std::all_of(storage_.begin() + static_cast<int64_t>(offset_ + bytes_), storage_.end(),
                       [](unsigned char byte) { return byte == 0xff; });
  }
  AttentionScratch scratch;

 private:
  size_t bytes_ = 0, offset_ = 0;
  std::vector<unsigned char> storage_;
};

struct Case {
  int64_t batch, queries, keys, heads, head_size;
  bool causal = false;
  bool sliced = false;  // tokens are further apart than their width
};

AttentionShape shape_of(const Case& c) {
  const int64_t width = c.heads * c.head_size;
  AttentionShape s;
  s.batch = c.batch;
  s.query_length = c.queries;
  s.key_length = c.keys;
  s.heads = c.heads;
  s.head_size = c.head_size;
  s.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_size)));
  s.causal = c.causal;
  s.query_stride = c.sliced ? 3 * width : width;
  s.key_stride = c.sliced ? 2 * width + 1 : width;
  s.value_stride = c.sliced ? 2 * width + 3 : width;
  s.output_stride = c.sliced ? width + 5 : width;
  return s;
}

/// The tensors of a case, and both passes over them.
struct Run {
  AttentionShape s;
  DType dtype;
  Tensor q, k, v, out, dout, dq, dk, dv;
  std::vector<float> lse;

  Run(const AttentionShape& shape, DType type)
      : s(shape),
        dtype(type),
        q(type, queries(), width(), s.query_stride),
        k(type, keys(), width(), s.key_stride),
        v(type, keys(), width(), s.value_stride),
        out(type, queries(), width(), s.output_stride),
        dout(type, queries(), width(), s.output_stride),
        dq(type, queries(), width(), s.query_stride),
        dk(type, keys(), width(), s.key_stride),
        dv(type, keys(), width(), s.value_stride),
        lse(static_cast<size_t>(s.batch * s.heads * s.query_length)) {
    q.randomise(1);
    k.randomise(2);
    v.randomise(3);
    dout.randomise(4);
  }
  int64_t width() const { return s.heads * s.head_size; }
  int64_t queries() const { return s.batch * s.query_length; }
  int64_t keys() const { return s.batch * s.key_length; }

  void forward(AttentionIsa isa, int threads) {
    Scratch memory(s, dtype, /*backward=*/false, threads, isa);
    attention_forward(s, dtype, q.data(), k.data(), v.data(), out.data(), lse.data(), memory.scratch, isa);
    CHECK(memory.guard_untouched());
  }
  void backward(AttentionIsa isa, int threads) {
    Scratch memory(s, dtype, /*backward=*/true, threads, isa);
    attention_backward(s, dtype, q.data(), k.data(), v.data(), out.data(), lse.data(), dout.data(), dq.data(),
                       dk.data(), dv.data(), memory.scratch, isa);
    CHECK(memory.guard_untouched());
  }
};

const std::vector<Case> cases = {
    {1, 64, 64, 1, 40},                 // one whole tile
    {1, 200, 77, 2, 40},                // cross attention; no length is a multiple of the tile
    {2, 65, 154, 1, 80, false, true},   //
    {1, 129, 231, 2, 64},               //
    {1, 70, 227, 1, 160, false, true},  //
    {1, 77, 77, 3, 64, true},           // text encoder
    {2, 231, 231, 1, 12, true, true},   //
    {1, 130, 130, 1, 40, true},         //
    {1, 1, 1, 1, 8},                    //
    {1, 3, 5, 2, 16},                   //
    {1, 5, 129, 1, 7, false, true},     // an odd head size
    {1, 33, 63, 3, 8},                  //
    {1, 100, 65, 1, 24, false, true},   //
    {1, 66, 50, 1, 48, true, true},     // causal, with queries past the last key
    {1, 50, 66, 1, 20, true},           // causal, with keys that nobody sees
    {1, 96, 96, 1, 512},                // the VAE's single head
};

/// For the output and dv; twice that for dq and dk, in which the rounding of the stored output is felt as well.
double tolerance(DType dtype) { return dtype == DType::f32 ? 1e-6 : dtype == DType::f16 ? 4.5e-4 : 3.5e-3; }

template <class Check>
void for_each_implementation(Check check_one) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const AttentionIsa isa : {AttentionIsa::portable, AttentionIsa::avx512_bf16, AttentionIsa::amx_bf16}) {
      if (!attention_isa_available(isa, dtype)) continue;
      CAPTURE(name_of(dtype));
      CAPTURE(name_of(isa));
      check_one(dtype, isa);
    }
  }
}

}  // namespace

TEST_CASE("attention and its gradients agree with the definition in double, for every size, type and implementation") {
  for_each_implementation([](DType dtype, AttentionIsa isa) {
    for (const Case& c : cases) {
      CAPTURE(c.batch);
      CAPTURE(c.queries);
      CAPTURE(c.keys);
      CAPTURE(c.heads);
      CAPTURE(c.head_size);
      CAPTURE(c.causal);
      Run run(shape_of(c), dtype);
      const Reference expected(run.s, run.q, run.k, run.v, run.dout);
      run.forward(isa, 2);
      CHECK(relative_error(run.out, expected.out, run.width()) < tolerance(dtype));
      double lse_error = 0;
      for (size_t i = 0; i < run.lse.size(); ++i)
        lse_error = std::max(lse_error, std::abs(run.lse[i] - expected.lse[i]));
      CHECK(lse_error < (dtype == DType::f32 ? 2e-6 : 5e-3));

      run.backward(isa, 2);
      CHECK(relative_error(run.dv, expected.dv, run.width()) < tolerance(dtype));
      // One key takes all of the attention: nothing flows to the scores, and there is nothing to compare with.
      if (c.keys > 1) {
        CHECK(relative_error(run.dq, expected.dq, run.width()) < 2 * tolerance(dtype));
        CHECK(relative_error(run.dk, expected.dk, run.width()) < 2 * tolerance(dtype));
      }
      for (const Tensor* tensor : {&run.out, &run.dq, &run.dk, &run.dv}) CHECK(tensor->padding_untouched());
    }
  });
}

TEST_CASE("attention survives scores far apart, whose exponentials do not fit together in a float") {
  for_each_implementation([](DType dtype, AttentionIsa isa) {
    AttentionShape s = shape_of({1, 70, 300, 1, 40});
    s.scale = 20;
    Run run(s, dtype);
    const Reference expected(run.s, run.q, run.k, run.v, run.dout);
    run.forward(isa, 1);
    CHECK(relative_error(run.out, expected.out, run.width()) < (dtype == DType::f32 ? 1e-4 : 5e-3));
    run.backward(isa, 1);
    CHECK(relative_error(run.dv, expected.dv, run.width()) < (dtype == DType::f32 ? 1e-4 : 5e-3));
  });
}

TEST_CASE("attention gives the same bits for any number of threads forward, and twice the same bits backward") {
  for_each_implementation([](DType dtype, AttentionIsa isa) {
    for (const Case& c : {Case{1, 300, 200, 1, 40}, Case{1, 130, 300, 3, 16, true}}) {
      Run first(shape_of(c), dtype), second(shape_of(c), dtype);
      first.forward(isa, 1);
      second.forward(isa, 3);
      CHECK(first.out.bytes() == second.out.bytes());
      CHECK(first.lse == second.lse);
      first.backward(isa, 4);
      second.backward(isa, 4);
      CHECK(first.dq.bytes() == second.dq.bytes());
      CHECK(first.dk.bytes() == second.dk.bytes());
      CHECK(first.dv.bytes() == second.dv.bytes());
    }
  });
}

TEST_CASE("attention's gradients are right when the keys of a head are split over threads") {
  for_each_implementation([](DType dtype, AttentionIsa isa) {
    for (const bool causal : {false, true}) {
      Run run(shape_of({1, 150, 330, 2, 40, causal}), dtype);
      const Reference expected(run.s, run.q, run.k, run.v, run.dout);
      run.forward(isa, 7);
      run.backward(isa, 7);
      CHECK(relative_error(run.dq, expected.dq, run.width()) < 2 * tolerance(dtype));
      CHECK(relative_error(run.dk, expected.dk, run.width()) < 2 * tolerance(dtype));
      CHECK(relative_error(run.dv, expected.dv, run.width()) < tolerance(dtype));
    }
  });
}

TEST_CASE("attention refuses what it cannot compute") {
  const AttentionShape good = shape_of({1, 8, 8, 1, 8});
  AttentionShape narrow = good;
  narrow.value_stride = 7;
  AttentionShape empty = good;
  empty.key_length = 0;
  CHECK_THROWS_AS(attention_scratch_bytes(narrow, DType::f32, false, 1), Error);
  CHECK_THROWS_AS(attention_scratch_bytes(empty, DType::f32, false, 1), Error);
  CHECK_THROWS_AS(attention_scratch_bytes(good, DType::f64, false, 1), Error);
  for (const AttentionIsa isa : {AttentionIsa::avx512_bf16, AttentionIsa::amx_bf16})
    CHECK_THROWS_AS(attention_scratch_bytes(good, DType::f32, false, 1, isa), Error);
  Run run(good, DType::f32);
  CHECK_THROWS_AS(attention_forward(good, DType::f32, run.q.data(), run.k.data(), run.v.data(), run.out.data(),
                                    run.lse.data(), AttentionScratch{}),
                  Error);
}

}  // namespace rankine
