#include "toys/toy_adapter.h"

#include "graph/ops/ops.h"

namespace rankine::test {
namespace {

constexpr std::string_view network_args[] = {"conv_dim"};

std::vector<AdapterTensor> tensors_of(const AdaptedLayer& layer) {
  return {{.suffix = "toy_scale", .shape = {layer.weight[0]}}};
}

Value apply(Node& node, const AdaptedLayer&, std::span<const Value> tensors, const LayerDropout&) {
  Value product = node.output();  // [N, ..., out]
  if (node.inputs().size() > 2 && node.input(2))
    product = add(product, cast(scale(node.input(2), -1), product.dtype()));
  return mul(product, cast(tensors[0], product.dtype()));
}

void add_update(const LayerWeights& weights, double strength, std::span<const float> weight, std::span<float> update) {
  const auto inputs = static_cast<size_t>(weights.layer.fan_in());
  for (size_t i = 0; i < update.size(); ++i)
    update[i] += static_cast<float>(strength) * weights.tensors[0][i / inputs] * weight[i];
}

}  // namespace

constinit const AdapterKind toy_adapter = {
    .name = "toy",
    .network_module = "networks.toy",
    .metadata_name = "toy",
    .network_args = network_args,
    .tensors = tensors_of,
    .apply = apply,
    .add_update = add_update,
};

}  // namespace rankine::test
