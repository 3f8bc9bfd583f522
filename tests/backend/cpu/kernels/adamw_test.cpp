#include "backend/cpu/kernels/update/adamw.h"

#include "backend/cpu/kernels/support.h"

namespace rankine::cpu::test {
namespace {

TEST_CASE("AdamW follows torch's update in double over many steps") {
  for_each_target([] {
    for (const int64_t n : odd_sizes) {
      Buffer p = Buffer::random(DType::f32, n, 1), m(DType::f32, n), v(DType::f32, n);
      std::vector<double> wanted, first(static_cast<size_t>(n), 0.0), second = first;
      for (int64_t i = 0; i < n; ++i) {
        wanted.push_back(p.get(i));
        m.set(i, 0);
        v.set(i, 0);
      }
      for (int64_t t = 1; t <= 50; ++t) {
        const AdamWStep step{.lr = 3e-3, .weight_decay = 0.1, .step = t, .gradient_scale = 0.5};
        const Buffer g = Buffer::random(DType::f32, n, static_cast<uint64_t>(10 + t));
        adamw_update(step, p.f32(), m.f32(), v.f32(), g.f32(), n);
        for (size_t i = 0; i < wanted.size(); ++i) {
          const double gradient = 0.5 * g.get(static_cast<int64_t>(i));
          wanted[i] *= 1 - step.lr * step.weight_decay;
          first[i] += (gradient - first[i]) * (1 - step.beta1);
          second[i] = step.beta2 * second[i] + (1 - step.beta2) * gradient * gradient;
          const double count = static_cast<double>(t);
          const double denominator = std::sqrt(second[i]) / std::sqrt(1 - std::pow(step.beta2, count)) + step.eps;
          wanted[i] -= step.lr / (1 - std::pow(step.beta1, count)) * first[i] / denominator;
        }
        if (t == 1) check_close(p, wanted, 2e-7);
      }
      check_close(p, wanted, 3e-6);  // 50 roundings of a number near 2
      check_close(m, first, 1e-6);
      check_close(v, second, 1e-6);
    }
  });
}

TEST_CASE("AdamW gives the same bits however the arrays are cut") {
  const int64_t n = 100003;
  Buffer p = Buffer::random(DType::f32, n, 1), m = Buffer::random(DType::f32, n, 2, 0.1), v(DType::f32, n);
  const Buffer g = Buffer::random(DType::f32, n, 3);
  for (int64_t i = 0; i < n; ++i) v.set(i, m.get(i) * m.get(i));
  Buffer q = p, mq = m, vq = v;
  const AdamWStep step{.step = 7};
  adamw_update(step, p.f32(), m.f32(), v.f32(), g.f32(), n);
  for (int64_t at = 0; at < n; at += 1001) {
    adamw_update(step, q.f32() + at, mq.f32() + at, vq.f32() + at, g.f32() + at, std::min<int64_t>(1001, n - at));
  }
  CHECK(p == q);
  CHECK(m == mq);
  CHECK(v == vq);
}

}  // namespace
}  // namespace rankine::cpu::test
