#include "backend/cpu/kernels/elementwise/elementwise.h"

#include <limits>

#include "backend/cpu/kernels/elementwise/activation.h"
#include "backend/cpu/kernels/elementwise/geglu.h"
#include "backend/cpu/kernels/support.h"

namespace rankine::cpu::test {
namespace {

double phi(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double value(Activation f, double x) {
  switch (f) {
    case Activation::silu:
      return x * sigmoid(x);
    case Activation::gelu:
      return x * phi(x);
    case Activation::quick_gelu:
      return x * sigmoid(1.702 * x);
  }
  return 0;
}

double gelu_slope(double x) { return phi(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }

double slope(Activation f, double x) {
  const double s = sigmoid(f == Activation::quick_gelu ? 1.702 * x : x);
  switch (f) {
    case Activation::silu:
      return s * (1 + x * (1 - s));
    case Activation::gelu:
      return gelu_slope(x);
    case Activation::quick_gelu:
      return s * (1 + 1.702 * x * (1 - s));
  }
  return 0;
}

TEST_CASE("activations and their gradients equal plain loops for every target, type and size") {
  for_each_target([] {
    for (const Activation f : {Activation::silu, Activation::gelu, Activation::quick_gelu}) {
      for (const int64_t n : odd_sizes) {
        for (const DType tx : storages) {
          for (const DType ty : storages_beside(tx)) {
            const Buffer x = Buffer::random(tx, n, 1, 12.0);
            const Buffer dy = Buffer::random(ty, n, 2);
            Buffer y(ty, n), dx(tx, n);
            activation(f, x.in(), y.out(), n);
            activation_backward(f, x.in(), dy.in(), dx.out(), n);
            std::vector<double> wanted, wanted_dx;
            for (int64_t i = 0; i < n; ++i) {
              wanted.push_back(value(f, x.get(i)));
              wanted_dx.push_back(dy.get(i) * slope(f, x.get(i)));
            }
            check_close(y, wanted, 5e-7);
            check_close(dx, wanted_dx, 2e-6);
          }
        }
      }
    }
  });
}

TEST_CASE("activations are right at the ends of the range and pass NaN on") {
  for_each_target([] {
    const std::vector<float> x = {0.0f, -0.0f, 1e4f, -1e4f, 3e38f, -3e38f, 1e-30f, -20.0f, NAN};
    std::vector<float> y(x.size());
    for (const Activation f : {Activation::silu, Activation::gelu, Activation::quick_gelu}) {
      activation(f, x.data(), y.data(), static_cast<int64_t>(x.size()));
      for (size_t i = 0; i + 1 < x.size(); ++i) {
        const double wanted = x[i] > 1e3f ? x[i] : x[i] < -1e3f ? 0.0 : value(f, x[i]);
        CHECK(std::abs(y[i] - wanted) <= 1e-6 * std::max(1.0, std::abs(wanted)));
      }
      CHECK(std::isnan(y.back()));
    }
  });
}

TEST_CASE("gelu is within 3e-7 of the exact value over the whole range") {
  for_each_target([] {
    std::vector<float> x, y;
    for (int i = -60000; i <= 60000; ++i) x.push_back(static_cast<float>(i) * 2e-4f);
    y.resize(x.size());
    activation(Activation::gelu, x.data(), y.data(), static_cast<int64_t>(x.size()));
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double wanted = value(Activation::gelu, x[i]);
      worst = std::max(worst, std::abs(y[i] - wanted) / std::max(1.0, std::abs(wanted)));
    }
    CHECK(worst <= 3e-7);
  });
}

TEST_CASE("sums, differences and products equal plain loops for every way to spread the second operand") {
  for_each_target([] {
    for (const int64_t channels : odd_sizes) {
      const BroadcastShape shape{.outer = 3, .inner = 5, .channels = channels};
      for (const DType ta : storages) {
        for (const DType tb : storages_beside(ta)) {
          for (const Broadcast kind :
               {Broadcast::none, Broadcast::scalar, Broadcast::channels, Broadcast::outer, Broadcast::outer_channels}) {
            const Buffer a = Buffer::random(ta, shape.count(), 3);
            const Buffer b = Buffer::random(tb, shape.count(), 4);
            for (const BinaryOp op : {BinaryOp::add, BinaryOp::sub, BinaryOp::mul}) {
              std::vector<double> wanted;
              for (int64_t i = 0; i < shape.count(); ++i) {
                const int64_t n = i / (5 * channels), c = i % channels;
                int64_t at = 0;
                if (kind == Broadcast::none) at = i;
                if (kind == Broadcast::channels) at = c;
                if (kind == Broadcast::outer) at = n;
                if (kind == Broadcast::outer_channels) at = n * channels + c;
                const double u = a.get(i), v = b.get(at);
                wanted.push_back(op == BinaryOp::add ? u + v : op == BinaryOp::sub ? u - v : u * v);
              }
              Buffer y(ta, shape.count());
              binary(op, kind, a.in(), b.in(), y.out(), shape);
              check_close(y, wanted, 3e-7);
              Buffer in_place = a;
              binary(op, kind, in_place.in(), b.in(), in_place.out(), shape);
              CHECK(in_place == y);
            }
          }
        }
      }
    }
  });
}

TEST_CASE("a broadcast over several tasks equals one over a single task") {
  const BroadcastShape shape{.outer = 2, .inner = 301, .channels = 100};
  const Buffer a = Buffer::random(DType::bf16, shape.count(), 5);
  const Buffer b = Buffer::random(DType::f32, 2 * 100, 6);
  Buffer y(DType::bf16, shape.count());
  binary(BinaryOp::add, Broadcast::outer_channels, a.in(), b.in(), y.out(), shape);
  std::vector<double> wanted;
  for (int64_t i = 0; i < shape.count(); ++i) wanted.push_back(a.get(i) + b.get(i / 30100 * 100 + i % 100));
  check_close(y, wanted, 3e-7);
}

TEST_CASE("scaling, weighted sums and fills equal plain loops") {
  for_each_target([] {
    for (const int64_t n : odd_sizes) {
      for (const DType ta : storages) {
        for (const DType tb : storages_beside(ta)) {
          const Buffer a = Buffer::random(ta, n, 7), b = Buffer::random(tb, n, 8);
          Buffer sum(ta, n), scaled(tb, n), filled(ta, n);
          axpby(0.75f, a.in(), -1.5f, b.in(), sum.out(), n);
          scale(0.3f, a.in(), scaled.out(), n);
          fill(filled.out(), 1.25f, n);
          std::vector<double> wanted_sum, wanted_scaled;
          for (int64_t i = 0; i < n; ++i) {
            wanted_sum.push_back(0.75 * a.get(i) - 1.5 * b.get(i));
            wanted_scaled.push_back(0.3f * a.get(i));
          }
          check_close(sum, wanted_sum);
          check_close(scaled, wanted_scaled);
          check_close(filled, std::vector<double>(static_cast<size_t>(n), 1.25));
        }
      }
    }
  });
}

TEST_CASE("conversion to bf16 rounds exactly as the base layer does, also at ties, infinities and NaN") {
  for_each_target([] {
    std::vector<float> x;
    for (uint32_t upper = 0; upper < 0x10000; upper += 7) {
      for (const uint32_t lower : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
        x.push_back(std::bit_cast<float>(upper << 16 | lower));
      }
    }
    std::vector<uint16_t> y(x.size());
    cast(x.data(), DType::f32, y.data(), static_cast<int64_t>(x.size()));
    size_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i) wrong += y[i] != bf16_from_f32(x[i]) ? 1 : 0;
    CHECK(wrong == 0);
  });
}

TEST_CASE("conversion to f16 rounds exactly as the base layer does, also at ties, subnormals, overflow and NaN") {
  for_each_target([] {
    std::vector<float> x;
    for (uint32_t upper = 0; upper < 0x80000; upper += 5) {  // sign, exponent and ten bits of the mantissa
      for (const uint32_t lower : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu}) {
        x.push_back(std::bit_cast<float>(upper << 13 | lower));
      }
    }
    for (const float edge : {65504.0f, 65519.996f, 65520.0f, 65536.0f, 0x1p-24f, 0x1p-25f, 0x1.000002p-25f})
      for (const float sign : {1.0f, -1.0f}) x.push_back(sign * edge);
    std::vector<F16> y(x.size());
    cast(x.data(), DType::f32, Out(y.data(), DType::f16), static_cast<int64_t>(x.size()));
    size_t wrong = 0;
    for (size_t i = 0; i < x.size(); ++i)
      wrong += std::isnan(x[i]) ? !std::isnan(f32_from_f16(y[i].bits)) : y[i].bits != f16_from_f32(x[i]);
    CHECK(wrong == 0);
  });
}

TEST_CASE("every bf16 and f16 value is widened exactly") {
  for_each_target([] {
    std::vector<uint16_t> x(65536);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint16_t>(i);
    std::vector<float> from_bf16(x.size()), from_f16(x.size());
    cast(x.data(), DType::bf16, from_bf16.data(), 65536);
    cast(x.data(), DType::f16, from_f16.data(), 65536);
    size_t wrong = 0;
    const auto same = [](float a, float b) { return std::isnan(a) ? std::isnan(b) : a == b; };
    for (size_t i = 0; i < x.size(); ++i) {
      wrong += same(f32_from_bf16(x[i]), from_bf16[i]) ? 0 : 1;
      wrong += same(f32_from_f16(x[i]), from_f16[i]) ? 0 : 1;
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("geglu and its gradient equal plain loops") {
  for_each_target([] {
    for (const int64_t width : odd_sizes) {
      const int64_t rows = 3;
      for (const DType tx : storages) {
        for (const DType ty : storages_beside(tx)) {
          const Buffer x = Buffer::random(tx, rows * 2 * width, 9, 5.0), dy = Buffer::random(ty, rows * width, 10);
          Buffer y(ty, rows * width), dx(tx, rows * 2 * width);
          geglu(x.in(), y.out(), rows, width);
          geglu_backward(x.in(), dy.in(), dx.out(), rows, width);
          std::vector<double> wanted, wanted_dx(static_cast<size_t>(rows * 2 * width));
          for (int64_t i = 0; i < rows * width; ++i) {
            const int64_t at = i / width * 2 * width + i % width;
            const double a = x.get(at), b = x.get(at + width);
            wanted.push_back(a * b * phi(b));
            wanted_dx[static_cast<size_t>(at)] = dy.get(i) * b * phi(b);
            wanted_dx[static_cast<size_t>(at + width)] = dy.get(i) * a * gelu_slope(b);
          }
          check_close(y, wanted);
          check_close(dx, wanted_dx, 2e-6);
          Buffer in_place = x;
          geglu_backward(in_place.in(), dy.in(), in_place.out(), rows, width);
          CHECK(in_place == dx);
        }
      }
    }
  });
}

TEST_CASE("a cast between two kinds of half floats rounds as one over f32 does") {
  for_each_target([] {
    for (const int64_t n : {1, 7, 1023, 1025, 50'000}) {
      const Buffer x = Buffer::random(DType::f16, n, 1);
      Buffer wide(DType::f32, n), wanted(DType::bf16, n), y(DType::bf16, n);
      cast(x.in().data, DType::f16, wide.out(), n);
      cast(wide.in().data, DType::f32, wanted.out(), n);
      cast(x.in().data, DType::f16, y.out(), n);
      CHECK(y == wanted);
    }
  });
}

TEST_CASE("kernels refuse types they have no arithmetic for") {
  float x[4] = {}, y[4] = {};
  CHECK_THROWS_AS(activation(Activation::silu, In(x, DType::f64), y, 4), Error);
  CHECK_THROWS_AS(cast(x, DType::f16, Out(y, DType::i32), 4), Error);
  CHECK_THROWS_AS(scale(1.0f, x, Out(y, DType::i32), 4), Error);
  CHECK_THROWS_AS(axpby(1.0f, x, 1.0f, x, Out(y, DType::bf16), 4), Error);
}

}  // namespace
}  // namespace rankine::cpu::test
