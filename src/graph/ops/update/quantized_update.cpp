#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/dynamic_map.h"
#include "graph/ops/update/update.h"

namespace rankine {
namespace {

int64_t blocks_of(int64_t count) { return (count + quantized_block - 1) / quantized_block; }

/// Inputs 1 ... states are codes of the weight's shape; the next holds the largest magnitude of each block.
void check_quantized(const Node& n, int states) {
  const Type &w = n.input(0).type(), codes = {w.shape, DType::u8};
  for (int i = 1; i <= states; ++i) check(n.input(i).type() == codes, "state ", n.input(i).type(), " of a weight ", w);
  const Type scales = {{states, blocks_of(w.count())}, DType::f32};
  check(n.input(states + 1).type() == scales, "scales are ", n.input(states + 1).type(), ", expected ", scales);
  check(n.input(states + 2).type() == w, "gradient ", n.input(states + 2).type(), " of a weight ", w);
  check_scalars(n, states + 3, static_cast<int>(n.inputs().size()));
}

std::vector<Type> quantized_types(const Node& n, int states) {
  std::vector<Type> types;
  for (int i = 0; i < states + 2; ++i) types.push_back(n.input(i).type());
  return types;
}

std::vector<double> unpacked(const HostTensor& codes, const HostTensor& scales, int64_t row, bool is_signed) {
  const int64_t blocks = scales.dim(1);
  std::vector<double> values(static_cast<size_t>(codes.count()));
  for (int64_t i = 0; i < codes.count(); ++i)
    values[static_cast<size_t>(i)] = static_cast<double>(dynamic_map(is_signed)[static_cast<size_t>(codes[i])]) *
                                     scales[row * blocks + i / quantized_block];
  return values;
}

void pack(const std::vector<double>& values, HostTensor& codes, HostTensor& scales, int64_t row, bool is_signed) {
  const int64_t blocks = scales.dim(1), count = codes.count();
  const DynamicMap& map = dynamic_map(is_signed);
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t begin = b * quantized_block, end = std::min(count, begin + quantized_block);
    double largest = 0;
    for (int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(values[static_cast<size_t>(i)]));
    scales[row * blocks + b] = largest;
    for (int64_t i = begin; i < end; ++i) {
      const auto x = static_cast<float>(largest > 0 ? values[static_cast<size_t>(i)] / largest : 0);
      codes[i] = is_signed ? nearest_code_of_same_sign(map, x) : nearest_code(map, x);
    }
  }
}

}  // namespace

// Updates whose state is kept in 8 bits (Dettmers et al. 2021, arXiv:2110.02861): dynamic 8-bit numbers, scaled by the
// largest magnitude of each block of 256. The update itself is computed with the state before it is rounded.

// AdamW as bitsandbytes orders it. [w, m, v, scales, g, factor, lr, step] -> w', m', v', scales'.
// m (signed), v: u8 codes; scales: f32 [2, blocks].
constinit const OpDef adamw_8bit_op = {
    .name = "adamw_8bit",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_quantized(n, 2);
      return quantized_types(n, 2);
    },
    .flops = [](const Node& n) { return 40.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), lr = in[6][0], step = in[7][0];
          const double correction1 = 1 - std::pow(beta1, step), correction2 = std::sqrt(1 - std::pow(beta2, step));
          std::vector<double> m = unpacked(in[1], in[3], 0, true), v = unpacked(in[2], in[3], 1, false);
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[4][i] * in[5][0];
            double &mean = m[static_cast<size_t>(i)], &variance = v[static_cast<size_t>(i)];
            mean = beta1 * mean + (1 - beta1) * g;
            variance = beta2 * variance + (1 - beta2) * g * g;
            const double update = mean / (std::sqrt(variance) + a.real("eps") * correction2);
            out[0][i] = (in[0][i] - lr * correction2 / correction1 * update) * (1 - lr * a.real("weight_decay"));
          }
          pack(m, out[1], out[3], 0, true);
          pack(v, out[2], out[3], 1, false);
        },
    .in_place = {0, 1, 2},
};

// [w, m, scales, g, factor, lr] -> w', m', scales'.  m: u8 codes, scales: f32 [1, blocks]; see lion.cpp
constinit const OpDef lion_8bit_op = {
    .name = "lion_8bit",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_quantized(n, 1);
      return quantized_types(n, 1);
    },
    .flops = [](const Node& n) { return 25.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double beta1 = n.attributes().real("beta1"), beta2 = n.attributes().real("beta2"), lr = in[5][0];
          std::vector<double> m = unpacked(in[1], in[2], 0, true);
          for (int64_t i = 0; i < in[0].count(); ++i) {
            double& mean = m[static_cast<size_t>(i)];
            const double g = in[3][i] * in[4][0], u = beta1 * mean + (1 - beta1) * g;
            const double sign = u > 0 ? 1 : u < 0 ? -1 : 0;
            out[0][i] = in[0][i] * (1 - lr * n.attributes().real("weight_decay")) - lr * sign;
            mean = beta2 * mean + (1 - beta2) * g;
          }
          pack(m, out[1], out[2], 0, true);
        },
    .in_place = {0, 1, 2},
};

// [w, m, scales, g, factor, lr] -> w', m', scales'.  m: u8 codes, scales: f32 [1, blocks]; see sgd.cpp
constinit const OpDef sgd_nesterov_8bit_op = {
    .name = "sgd_nesterov_8bit",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_quantized(n, 1);
      return quantized_types(n, 1);
    },
    .flops = [](const Node& n) { return 25.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double momentum = n.attributes().real("momentum"), weight_decay = n.attributes().real("weight_decay");
          std::vector<double> m = unpacked(in[1], in[2], 0, true);
          for (int64_t i = 0; i < in[0].count(); ++i) {
            double& mean = m[static_cast<size_t>(i)];
            const double g = in[3][i] * in[4][0] + weight_decay * in[0][i];
            mean = momentum * mean + g;
            out[0][i] = in[0][i] - in[5][0] * (g + momentum * mean);
          }
          pack(m, out[1], out[2], 0, true);
        },
    .in_place = {0, 1, 2},
};

}  // namespace rankine
