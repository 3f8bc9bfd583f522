#include <algorithm>

#include "backend/cpu/kernels/update/adamw.h"
#include "backend/cpu/kernels/update/quantized.h"
#include "backend/cpu/ops/code_table.h"
#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/ops/update.h"

namespace rankine::cpu {
namespace {

using Block = std::array<float, quantized_block>;

uint8_t* codes_in_place(const KernelContext& p, int output, int input) {
  check(p.input(input) == p.output(output), p.node().op().name, " \"", p.node().scope(),
        "\" updates its variables in place");
  return static_cast<uint8_t*>(p.output(output));
}

void unpack(const DynamicMap& map, const uint8_t* codes, float scale, int64_t n, Block& values) {
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = map[codes[i]] * scale;
}

/// Gives the scale. The values are not needed any more.
float pack(const CodeTable& table, Block& values, int64_t n, uint8_t* codes) {
  const float largest = divide_by_largest(values.data(), n);
  for (int64_t i = 0; i < n; ++i) codes[i] = table(values[static_cast<size_t>(i)]);
  return largest;
}

/// body(block, first element, elements) for each block of n elements.
template <class Body>
void for_blocks(int64_t n, const Body& body) {
  const int64_t blocks = (n + quantized_block - 1) / quantized_block;
  const Cut cut = cut_rows(blocks, quantized_block, elements_per_task);
  parallel_tasks(cut.count(), n, [&](int64_t piece) {
    for (int64_t b = cut.begin(piece); b < cut.end(piece); ++b)
      body(b, b * quantized_block, std::min(quantized_block, n - b * quantized_block));
  });
}

/// Optimisers with one momentum: update(element, momentum) moves the weight and gives the new momentum.
template <class Update>
void momentum_update(int64_t n, uint8_t* codes, float* scales, const Update& update) {
  const DynamicMap& map = dynamic_map(true);
  const CodeTable& table = code_table(true);
  for_blocks(n, [&](int64_t b, int64_t begin, int64_t count) {
    Block m;
    unpack(map, codes + begin, scales[b], count, m);
    for (int64_t i = 0; i < count; ++i) {
      float& momentum = m[static_cast<size_t>(i)];
      momentum = update(begin + i, momentum);
    }
    scales[b] = pack(table, m, count, codes + begin);
  });
}

}  // namespace

Launch prepare_adamw_8bit(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), eps = a.real("eps");
  const double weight_decay = a.real("weight_decay");
  return [=, w = updated_in_place(p, 0, 0), m_codes = codes_in_place(p, 1, 1), v_codes = codes_in_place(p, 2, 2),
          old_scales = float_input(p, 3), scales = float_output(p, 3), g = float_input(p, 4),
          factor = float_input(p, 5), lr = float_input(p, 6), step = float_input(p, 7), n = p.output_type().count(),
          blocks = p.output_type(3).shape[1]] {
    const double t = *step;
    const double correction1 = 1 - std::pow(beta1, t), correction2 = std::sqrt(1 - std::pow(beta2, t));
    const QuantizedAdamW factors{.keep1 = static_cast<float>(beta1),
                                 .new1 = static_cast<float>(1 - beta1),
                                 .keep2 = static_cast<float>(beta2),
                                 .new2 = static_cast<float>(1 - beta2),
                                 .gradient_scale = *factor,
                                 .least = static_cast<float>(eps * correction2),
                                 .amount = static_cast<float>(*lr * correction2 / correction1),
                                 .decay = static_cast<float>(1 - *lr * weight_decay)};
    const DynamicMap &m_map = dynamic_map(true), &v_map = dynamic_map(false);
    const CodeTable &m_table = code_table(true), &v_table = code_table(false);
    for_blocks(n, [&](int64_t b, int64_t begin, int64_t count) {
      Block m, v;
      unpack(m_map, m_codes + begin, old_scales[b], count, m);
      unpack(v_map, v_codes + begin, old_scales[blocks + b], count, v);
      quantized_adamw(factors, w + begin, m.data(), v.data(), g + begin, count);
      scales[b] = pack(m_table, m, count, m_codes + begin);
      scales[blocks + b] = pack(v_table, v, count, v_codes + begin);
    });
  };
}

Launch prepare_lion_8bit(KernelContext& p) {
  const double beta1 = p.attributes().real("beta1"), beta2 = p.attributes().real("beta2");
  const double weight_decay = p.attributes().real("weight_decay");
  return [=, w = updated_in_place(p, 0, 0), codes = codes_in_place(p, 1, 1), scales = updated_in_place(p, 2, 2),
          g = float_input(p, 3), factor = float_input(p, 4), lr = float_input(p, 5), n = p.output_type().count()] {
    const float keep1 = static_cast<float>(beta1), new1 = static_cast<float>(1 - beta1),
                keep2 = static_cast<float>(beta2), new2 = static_cast<float>(1 - beta2), gradient_scale = *factor,
                rate = *lr, decay = static_cast<float>(1 - *lr * weight_decay);
    momentum_update(n, codes, scales, [=](int64_t i, float m) {
      const float x = g[i] * gradient_scale, u = m * keep1 + x * new1;
      w[i] = w[i] * decay - rate * (static_cast<float>(u > 0) - static_cast<float>(u < 0));
      return m * keep2 + x * new2;
    });
  };
}

Launch prepare_sgd_nesterov_8bit(KernelContext& p) {
  const auto momentum = static_cast<float>(p.attributes().real("momentum"));
  const auto weight_decay = static_cast<float>(p.attributes().real("weight_decay"));
  return [=, w = updated_in_place(p, 0, 0), codes = codes_in_place(p, 1, 1), scales = updated_in_place(p, 2, 2),
          g = float_input(p, 3), factor = float_input(p, 4), lr = float_input(p, 5), n = p.output_type().count()] {
    const float gradient_scale = *factor, rate = *lr;
    momentum_update(n, codes, scales, [=](int64_t i, float m) {
      const float x = g[i] * gradient_scale + weight_decay * w[i], next = m * momentum + x;
      w[i] -= rate * (x + momentum * next);
      return next;
    });
  };
}

}  // namespace rankine::cpu
