#pragma once
#include <doctest/doctest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "backend/cpu/kernels/targets.h"
#include "backend/cpu/kernels/tensor_ptr.h"
#include "base/half.h"
#include "hwy/targets.h"

namespace rankine::cpu::test {

/// Calls body once for each instruction set that the kernels are compiled for and this machine has. The best one comes
/// last and runs with all threads, the others with one: how work is cut does not depend on the instruction set.
inline void for_each_target(const std::function<void()>& body) {
  const int64_t all = hwy::SupportedTargets() | HWY_SCALAR;
  const int threads = omp_get_max_threads();
  std::vector<int64_t> targets;
  for (const int64_t target : {HWY_SCALAR, HWY_SSE4, HWY_AVX2, HWY_AVX3}) {
    if ((all & target) != 0) targets.push_back(target);
  }
  for (const int64_t target : targets) {
    omp_set_num_threads(target == targets.back() ? threads : 1);
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    const std::string name = hwy::TargetName(target);
    CAPTURE(name);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

inline const std::vector<int64_t> odd_sizes = {1, 3, 7, 16, 17, 31, 33, 64, 100, 257};
inline const std::vector<DType> storages = {DType::f32, DType::bf16, DType::f16};
inline const std::vector<DType> product_types = {DType::f32, DType::bf16};
/// Of a second operand: no kernel takes bf16 and f16 at once.
inline std::vector<DType> storages_beside(DType first) {
  if (first == DType::f32) return storages;
  return {DType::f32, first};
}

/// A tensor that starts one element off any alignment and has guards on both sides.
class Buffer {
 public:
  Buffer(DType dtype, int64_t n) : dtype_(dtype), n_(n), bytes_(static_cast<size_t>(n + 2 * guard) * size(), fill) {}

  /// Random values in [-range, range), the same for each seed, rounded to the storage type.
  static Buffer random(DType dtype, int64_t n, uint64_t seed, double range = 2.0) {
    Buffer b(dtype, n);
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int64_t i = 0; i < n; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      b.set(i, (static_cast<double>(state >> 33) / 1073741824.0 - 1.0) * range);
    }
    return b;
  }

  int64_t count() const { return n_; }
  DType dtype() const { return dtype_; }
  In in() const { return {data(), dtype_}; }
  Out out() { return {const_cast<char*>(data()), dtype_}; }
  float* f32() { return static_cast<float*>(out().data); }
  const float* f32() const { return static_cast<const float*>(in().data); }

  double get(int64_t i) const {
    if (dtype_ == DType::bf16) return f32_from_bf16(in().as<uint16_t>()[i]);
    if (dtype_ == DType::f16) return f32_from_f16(in().as<uint16_t>()[i]);
    return in().as<float>()[i];
  }
  void set(int64_t i, double value) {
    if (dtype_ == DType::bf16) {
      out().as<uint16_t>()[i] = bf16_from_f32(static_cast<float>(value));
    } else if (dtype_ == DType::f16) {
      out().as<uint16_t>()[i] = f16_from_f32(static_cast<float>(value));
    } else {
      out().as<float>()[i] = static_cast<float>(value);
    }
  }
  bool guards_intact() const {
    const auto untouched = [](char c) { return c == fill; };
    const auto edge = static_cast<std::ptrdiff_t>(static_cast<size_t>(guard) * size());
    return std::all_of(bytes_.begin(), bytes_.begin() + edge, untouched) &&
           std::all_of(bytes_.end() - edge, bytes_.end(), untouched);
  }
  bool operator==(const Buffer& other) const { return bytes_ == other.bytes_; }

 private:
  static constexpr int64_t guard = 33;
  static constexpr char fill = 0x5a;
  size_t size() const { return size_of(dtype_); }
  const char* data() const { return bytes_.data() + static_cast<size_t>(guard) * size(); }

  DType dtype_;
  int64_t n_;
  std::vector<char> bytes_;
};

/// Memory of the asked size exactly, 64-byte aligned, behind it a guard. Filled with NaN of both types: what a run
/// reads there without having written it shows.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : bytes_(bytes), data_(bytes + 192, std::byte{0xff}) {}
  void* data() {
    const auto address = reinterpret_cast<uintptr_t>(data_.data());
    return data_.data() + (64 - address % 64) % 64;
  }
  bool guard_intact() {
    const std::byte* end = static_cast<std::byte*>(data()) + bytes_;
    return std::all_of(end, end + 64, [](std::byte b) { return b == std::byte{0xff}; });
  }

 private:
  size_t bytes_;
  std::vector<std::byte> data_;
};

/// Every element within `tolerance` (of max(1, |expected|)), with the half unit in the last place of bf16 or f16
/// on top, and nothing written outside.
inline void check_close(const Buffer& got, const std::vector<double>& expected, double tolerance = 1e-6) {
  REQUIRE(got.count() == static_cast<int64_t>(expected.size()));
  const double half_unit = got.dtype() == DType::bf16 ? 0x1p-8 : got.dtype() == DType::f16 ? 0x1p-11 : 0;
  double worst = 0;
  int64_t at = 0;
  for (int64_t i = 0; i < got.count(); ++i) {
    const double e = expected[static_cast<size_t>(i)];
    const double allowed = tolerance * std::max(1.0, std::abs(e)) + half_unit * std::abs(e);
    double error = std::abs(got.get(i) - e) / allowed;
    if (std::isnan(error)) error = INFINITY;
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (worst > 1) {
    const double value = got.get(at);
    const double wanted = expected[static_cast<size_t>(at)];
    CAPTURE(at);
    CAPTURE(value);
    CAPTURE(wanted);
    CHECK(worst <= 1);
  }
  CHECK(got.guards_intact());
}

}  // namespace rankine::cpu::test
