#include "network/lora.h"

#include <algorithm>

#include "graph/ops/ops.h"
#include "network/lora_stack.h"

namespace rankine {
namespace {

constexpr std::string_view network_args[] = {"conv_dim",
                                             "conv_alpha",
                                             "block_dims",
                                             "block_alphas",
                                             "conv_block_dims",
                                             "conv_block_alphas",
                                             "down_lr_weight",
                                             "mid_lr_weight",
                                             "up_lr_weight",
                                             "block_lr_zero_threshold",
                                             "loraplus_lr_ratio",
                                             "loraplus_unet_lr_ratio",
                                             "loraplus_text_encoder_lr_ratio",
                                             "rank_dropout",
                                             "module_dropout"};

std::vector<AdapterTensor> tensors_of(const AdaptedLayer& layer) {
  Shape down = layer.weight;
  down[0] = layer.rank;
  Shape up = {layer.weight[0], layer.rank};
  if (layer.is_conv()) up.insert(up.end(), {1, 1});
  return {{.suffix = "lora_down.weight", .shape = std::move(down), .init = Init::kaiming_uniform, .rank_axis = 0},
          {.suffix = "lora_up.weight", .shape = std::move(up), .rank_axis = 1, .second = true}};
}

/// Applies all kinds of dropout to the inner tensor, low: [N, ..., rank] -> the same. Where the layer is left out, low
/// is all zeros: the layer's update is 0, and so are both gradients.
Value drop(Value low, const LayerDropout& dropout_of_layer) {
  const AdapterDropout& chances = dropout_of_layer.chances;
  if (!chances.any()) return low;
  const Value key = low.graph().input(kDropoutKey, {{4}, DType::i32});
  const auto stream = static_cast<uint32_t>(3 * dropout_of_layer.layer);
  Shape per_rank(low.shape().size(), 1);
  const Shape one = per_rank;
  per_rank.front() = low.shape().front();
  per_rank.back() = low.shape().back();
  if (chances.network > 0) low = dropout(low, key, {chances.network, 1 / (1 - chances.network), low.shape(), stream});
  if (chances.rank > 0) low = dropout(low, key, {chances.rank, 1 / (1 - chances.rank), per_rank, stream + 1});
  if (chances.module > 0) low = dropout(low, key, {chances.module, 1, one, stream + 2});
  return low;
}

Value apply(Node& node, const AdaptedLayer& layer, std::span<const Value> tensors, const LayerDropout& dropout) {
  const Value x = node.input(0), down = tensors[0], up = tensors[1];
  const Value a = cast(down, x.dtype()), b = cast(scale(up, layer.scale()), x.dtype());
  if (&node.op() == &conv2d_op) {
    const Value low = drop(conv2d(x, a, {}, Conv2dGeometry::of(node.attributes())), dropout);
    return conv2d(low, b, {}, {});
  }
  return linear(drop(linear(x, a), dropout), b);
}

/// update + strength * alpha / rank * up * down, in f32.
void add_update(const LayerWeights& weights, double strength, std::span<const float>, std::span<float> update) {
  const AdaptedLayer& layer = weights.layer;
  const std::vector<float>&down = weights.tensors[0], &up = weights.tensors[1];
  const int64_t outputs = layer.weight[0], rank = layer.rank, inputs = layer.fan_in();
  const auto factor = static_cast<float>(strength * layer.scale());
#pragma omp parallel for
  for (int64_t o = 0; o < outputs; ++o) {
    float* row = update.data() + o * inputs;
    for (int64_t r = 0; r < rank; ++r) {
      const float scaled = factor * up[static_cast<size_t>(o * rank + r)];
      const float* values = down.data() + r * inputs;
      for (int64_t i = 0; i < inputs; ++i) row[i] += scaled * values[i];
    }
  }
}

LimitedTensors limit_norm(const AdaptedLayer& layer, std::span<const Value> tensors, double limit) {
  Graph& graph = tensors[0].graph();
  const Value down = graph.add(limit_norm_op, {tensors[0], tensors[1]}, {{"limit", limit}, {"scale", layer.scale()}});
  return {.tensors = {down, {&down.node(), 1}}, .norm = {&down.node(), 2}};
}

}  // namespace

constinit const AdapterKind lora_adapter = {
    .name = "LoRA",
    .network_module = "networks.lora",
    .metadata_name = "lora",
    .network_args = network_args,
    .tensors = tensors_of,
    .apply = apply,
    .add_update = add_update,
    .limit_norm = limit_norm,
    .sum = stack_loras,
};

}  // namespace rankine
