#include "backend/cpu/kernels/shape/reduce.h"

#include <omp.h>

#include <limits>

#include "backend/cpu/kernels/support.h"

namespace rankine::cpu::test {
namespace {

TEST_CASE("sums of elements and of squares equal plain loops in double") {
  for_each_target([] {
    for (const int64_t n : {0, 1, 3, 7, 31, 64, 100, 5000, 300001}) {
      for (const DType type : storages) {
        const Buffer x = Buffer::random(type, n, 1);
        double sum = 0, squares = 0, absolute = 0;
        for (int64_t i = 0; i < n; ++i) {
          sum += x.get(i);
          absolute += std::abs(x.get(i));
          squares += x.get(i) * x.get(i);
        }
        CHECK(std::abs(sum_all(x.in(), n) - sum) <= 1e-12 * absolute);
        CHECK(std::abs(sum_squares(x.in(), n) - squares) <= 1e-12 * squares);
      }
    }
  });
}

TEST_CASE("a sum of squares is not finite when one element is not") {
  for_each_target([] {
    std::vector<float> x(100, 1.0f);
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      for (const size_t at : {0u, 50u, 99u}) {
        std::vector<float> y = x;
        y[at] = bad;
        CHECK_FALSE(std::isfinite(sum_squares(y.data(), 100)));
      }
    }
  });
}

TEST_CASE("sums over one axis equal plain loops") {
  for_each_target([] {
    for (const int64_t channels : odd_sizes) {
      for (const int64_t inner : {1, 4, 9, 700}) {
        for (const DType tx : storages) {
          for (const DType ty : storages_beside(tx)) {
            const int64_t outer = 2;
            const Buffer x = Buffer::random(tx, outer * inner * channels, 1);
            std::vector<double> middle(static_cast<size_t>(outer * channels)), last(static_cast<size_t>(outer * inner));
            for (int64_t i = 0; i < x.count(); ++i) {
              middle[static_cast<size_t>(i / (inner * channels) * channels + i % channels)] += x.get(i);
              last[static_cast<size_t>(i / channels)] += x.get(i);
            }
            Buffer by_channel(ty, outer * channels), by_row(ty, outer * inner);
            std::vector<double> scratch(sum_middle_scratch_bytes(outer, inner, channels) / 8 + 1);
            sum_middle(x.in(), by_channel.out(), outer, inner, channels, scratch.data());
            sum_inner(x.in(), by_row.out(), outer * inner, channels);
            check_close(by_channel, middle, 3e-5);  // 700 terms up to 2, in f32
            check_close(by_row, last);
          }
        }
      }
    }
  });
}

TEST_CASE("the sum of one long row equals a plain loop") {
  const Buffer x = Buffer::random(DType::bf16, 2 * 70001, 1);
  std::vector<double> wanted(2);
  for (int64_t i = 0; i < x.count(); ++i) wanted[static_cast<size_t>(i / 70001)] += x.get(i);
  Buffer y(DType::f32, 2);
  sum_inner(x.in(), y.out(), 2, 70001);
  check_close(y, wanted);
}

TEST_CASE("the squared error of each sample and its gradient equal plain loops") {
  for_each_target([] {
    for (const int64_t elements : odd_sizes) {
      for (const DType tp : storages) {
        for (const DType tt : storages_beside(tp)) {
          const int64_t samples = 3;
          const Buffer p = Buffer::random(tp, samples * elements, 1), t = Buffer::random(tt, samples * elements, 2);
          const Buffer dloss = Buffer::random(DType::f32, samples, 3);
          std::vector<double> wanted(static_cast<size_t>(samples)), wanted_dp;
          const double count = static_cast<double>(elements);
          for (int64_t i = 0; i < p.count(); ++i) {
            const double difference = p.get(i) - t.get(i);
            wanted[static_cast<size_t>(i / elements)] += difference * difference / count;
            wanted_dp.push_back(2 / count * dloss.get(i / elements) * difference);
          }
          Buffer loss(DType::f32, samples), dp(tp, p.count());
          mse_per_sample(p.in(), t.in(), loss.f32(), samples, elements);
          mse_per_sample_backward(p.in(), t.in(), dloss.f32(), dp.out(), samples, elements);
          check_close(loss, wanted);
          check_close(dp, wanted_dp);
        }
      }
    }
  });
}

TEST_CASE("sums give the same bits for every number of threads") {
  const Buffer x = Buffer::random(DType::f32, 500000, 1);
  const int before = omp_get_max_threads();
  std::vector<double> sums;
  std::vector<Buffer> rows;
  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    Buffer y(DType::f32, 100);
    std::vector<double> scratch(sum_middle_scratch_bytes(1, 5000, 100) / 8 + 1);
    sum_middle(x.in(), y.out(), 1, 5000, 100, scratch.data());
    sums.push_back(sum_squares(x.in(), x.count()));
    rows.push_back(y);
  }
  omp_set_num_threads(before);
  CHECK(sums[0] == sums[1]);
  CHECK(sums[0] == sums[2]);
  CHECK(rows[0] == rows[1]);
  CHECK(rows[0] == rows[2]);
}

}  // namespace
}  // namespace rankine::cpu::test
