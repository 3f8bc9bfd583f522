#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "network/lora_names.h"

namespace rankine {

/// How a trained tensor starts.
enum class Init {
  zeros,
  kaiming_uniform,  ///< uniform in +-1/sqrt(fan_in), as torch.nn.Linear starts; fan_in: all axes but the first
};

/// One trained tensor of an adapted layer.
struct AdapterTensor {
  std::string_view suffix;  ///< in the file, behind the layer's key: "lora_down.weight"
  Shape shape;
  Init init = Init::zeros;
  int rank_axis = -1;   ///< the axis whose size is the layer's rank; -1: none is
  bool second = false;  ///< LoRA+ (Hayou et al. 2024, arXiv:2402.12354) gives it its own learning rate
};

/// Chances with which a training step drops parts of the update, as in sd-scripts; each at least 0 and below 1.
struct AdapterDropout {
  double network = 0;  ///< of each element of the inner tensor; the others grow by 1 / (1 - network)
  double rank = 0;     ///< of each rank, for each sample; the others grow by 1 / (1 - rank)
  double module = 0;   ///< of a layer's whole update; the others stay as they are
  bool any() const { return network > 0 || rank > 0 || module > 0; }
};

/// The graph's input for dropout, i32 [4]: a RandomKey that differs in each step.
inline constexpr std::string_view kDropoutKey = "dropout_key";

/// Dropout in one layer. `layer` counts from 0: each layer draws from random streams of its own.
struct LayerDropout {
  AdapterDropout chances{};
  size_t layer = 0;
};

/// The tensors of a layer brought within a limit, and the norm that their update had before (f32 []).
struct LimitedTensors {
  std::vector<Value> tensors;
  Value norm;
};

/// The weights of one adapted layer, in the order of AdapterKind::tensors.
struct LayerWeights {
  AdaptedLayer layer;
  std::vector<std::vector<float>> tensors{};
};

struct AdapterWeights;
struct WeightedAdapter;

/// A kind of adapter: everything that the rest of the program knows of it. A new kind is one file with such an object,
/// and one line in adapter_table.cpp.
struct AdapterKind {
  std::string_view name;            ///< for messages: "LoRA"
  std::string_view network_module;  ///< its name in --network_module and ss_network_module: "networks.lora"
  std::string_view metadata_name;   ///< in modelspec.architecture: "stable-diffusion-v1/lora"
  std::span<const std::string_view> network_args;  ///< the keys of --network_args that it understands

  /// The tensors of a layer. Their shapes depend only on the layer (its weight's shape, its rank), so a file can be
  /// read without its training arguments.
  std::vector<AdapterTensor> (*tensors)(const AdaptedLayer& layer);

  /// Appends the adapter's change to the output of `node`, a linear or conv2d node, and returns it: y becomes y + this.
  /// `tensors` are f32 variables; the result has the type of y, and may read y.
  Value (*apply)(Node& node, const AdaptedLayer& layer, std::span<const Value> tensors, const LayerDropout& dropout);

  /// Adds the change of the adapted weight, times `strength`, to `update`. `weight` is the frozen weight without any
  /// adapter, so that the changes of several files add up.
  void (*add_update)(const LayerWeights& weights, double strength, std::span<const float> weight,
                     std::span<float> update);

  /// Limits the norm of a layer's update to `limit` (--scale_weight_norms). Null: the kind has no such rule.
  LimitedTensors (*limit_norm)(const AdaptedLayer& layer, std::span<const Value> tensors, double limit) = nullptr;

  /// Joins several adapters of this kind to one whose effect is their sum. Null: this is impossible, and several are
  /// merged into the weights.
  std::vector<LayerWeights> (*sum)(std::span<const WeightedAdapter> adapters) = nullptr;
};

/// The weights of all layers of an adapter.
struct AdapterWeights {
  const AdapterKind* kind = nullptr;
  std::vector<LayerWeights> layers{};
  std::vector<std::string> notes{};  ///< tensors of the file that are not used
};

/// An adapter and its strength: 1 as trained, 0 without effect, below 0 in the opposite direction.
struct WeightedAdapter {
  AdapterWeights weights;
  double strength = 1;
};

/// All kinds that are built; the first is the default. See adapter_table.cpp.
std::span<const AdapterKind* const> adapters();

/// The kind that --network_module names; the default for "". Throws Error for an unknown one, with the known and the
/// nearest names.
const AdapterKind& find_adapter(std::string_view network_module);

/// The values of --network_module: "networks.lora,networks.other".
std::string adapter_modules();

/// The name of a layer's tensor, in files and in graphs: "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight".
std::string tensor_name(const AdaptedLayer& layer, const AdapterTensor& tensor);

/// True if the shapes of a layer's tensors depend on its rank.
bool has_rank(const AdapterKind& kind, const AdaptedLayer& layer);

/// Number of trained parameters of a layer.
int64_t parameter_count(const AdapterKind& kind, const AdaptedLayer& layer);

/// The first weights of layer number `index`. Each layer draws from its own random stream.
LayerWeights initial_weights(const AdapterKind& kind, const AdaptedLayer& layer, size_t index, uint64_t seed);

}  // namespace rankine
