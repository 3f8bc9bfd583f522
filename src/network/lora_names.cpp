#include "network/lora_names.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace rankine {
namespace {

struct Model {
  std::string_view path, key;
};
constexpr Model models[] = {{"text_encoder", "lora_te"}, {"unet", "lora_unet"}};

// Every word in the path of a module that can be adapted. Among the children of one parent the order here is that of
// the reference's modules, which is the order of the file's keys; a path with any other word is not adapted.
constexpr std::string_view words[] = {
    "text_encoder", "unet",  // models
    "text_model",   "encoder",
    "layers",  // text encoder
    "self_attn",    "k_proj",
    "v_proj",       "q_proj",
    "out_proj",     "mlp",
    "fc1",          "fc2",  // its layers
    "down_blocks",  "up_blocks",
    "mid_block",  // U-Net
    "attentions",   "resnets",
    "downsamplers", "upsamplers",  // its blocks
    "proj_in",      "transformer_blocks",
    "proj_out",  // attentions
    "attn1",        "ff",
    "attn2",        "to_q",
    "to_k",         "to_v",
    "to_out",       "net",
    "proj",  // transformer blocks
    "conv1",        "time_emb_proj",
    "conv2",        "conv_shortcut",
    "conv",  // resnets and samplers
};

// Adapted only with conv_dim.
constexpr std::string_view convolutional[] = {"resnets", "downsamplers", "upsamplers"};

template <class List>
bool contains(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t start = 0, dot = 0; dot != path.npos; start = dot + 1) {
    dot = path.find('.', start);
    parts.push_back(path.substr(start, dot == path.npos ? path.npos : dot - start));
  }
  return parts;
}

// Where a path stands in the file: its words and numbers, compared one by one. Empty when it is not adapted.
std::vector<int> position_of(const std::vector<std::string_view>& parts) {
  std::vector<int> position;
  for (const std::string_view part : parts) {
    int number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || end != part.data() + part.size()) {
      const auto word = std::find(std::begin(words), std::end(words), part);
      if (word == std::end(words)) return {};
      number = static_cast<int>(word - std::begin(words));
    }
    position.push_back(number);
  }
  return position;
}

void take_block_ranks(AdaptedLayer& module, const std::vector<int64_t>& dims, const std::vector<double>& alphas) {
  if (dims.empty() && alphas.empty()) return;
  const auto block = static_cast<size_t>(lora_block(module.path));
  if (!dims.empty()) module.rank = dims[block];
  if (!alphas.empty()) module.alpha = alphas[block];
}

}  // namespace

Shape AdaptedLayer::down_shape() const {
  Shape shape = weight;
  shape[0] = rank;
  return shape;
}

Shape AdaptedLayer::up_shape() const { return is_conv() ? Shape{weight[0], rank, 1, 1} : Shape{weight[0], rank}; }

std::string kohya_key(std::string_view path) {
  for (const Model& model : models) {
    if (!path.starts_with(model.path) || path.substr(model.path.size(), 1) != ".") continue;
    std::string key = concat_text(model.key, path.substr(model.path.size()));
    std::replace(key.begin(), key.end(), '.', '_');
    return key;
  }
  fail("\"", path, "\" has no name in a LoRA file: a path must start with text_encoder. or unet.");
}

std::vector<AdaptedLayer> adapted_layers(std::span<const NamedShape> weights, const AdapterTargets& targets) {
  check(targets.network_dim >= 1, "network_dim must be at least 1, got ", targets.network_dim);
  check(!targets.conv_dim || *targets.conv_dim >= 1, "conv_dim must be at least 1, got ", targets.conv_dim.value_or(0));
  struct Found {
    std::vector<int> position;
    AdaptedLayer module;
  };
  const BlockRanks& blocks = targets.blocks;
  const bool adapts_convolutions = targets.conv_dim || !blocks.conv_dims.empty();
  std::vector<Found> found;
  for (const NamedShape& weight : weights) {
    constexpr std::string_view ending = ".weight";
    if (!weight.name.ends_with(ending) || (weight.shape.size() != 2 && weight.shape.size() != 4)) continue;
    const std::string path = weight.name.substr(0, weight.name.size() - ending.size());
    const auto parts = split(path);
    const bool is_text = parts[0] == "text_encoder";
    if (is_text ? !targets.text_encoder : !targets.unet) continue;
    const auto in_convolutional = [](std::string_view part) { return contains(convolutional, part); };
    if (!adapts_convolutions && std::any_of(parts.begin(), parts.end(), in_convolutional)) continue;
    std::vector<int> position = position_of(parts);
    if (position.empty()) continue;

    const bool wide_kernel = weight.shape.size() == 4 && weight.shape[2] * weight.shape[3] > 1;
    AdaptedLayer module{.key = kohya_key(path), .path = path, .weight = weight.shape};
    module.rank = wide_kernel ? targets.conv_dim.value_or(0) : targets.network_dim;
    module.alpha = wide_kernel ? targets.conv_alpha : targets.network_alpha;
    if (!is_text)
      take_block_ranks(module, wide_kernel ? blocks.conv_dims : blocks.dims,
                       wide_kernel ? blocks.conv_alphas : blocks.alphas);
    if (module.rank == 0) continue;
    if (module.alpha == 0) module.alpha = static_cast<double>(module.rank);
    found.push_back({std::move(position), std::move(module)});
  }
  check(!found.empty(), "the model has nothing that a LoRA could adapt in the ",
        targets.unet ? (targets.text_encoder ? "U-Net or text encoder" : "U-Net") : "text encoder");
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.position < b.position; });
  std::vector<AdaptedLayer> modules;
  for (Found& f : found) modules.push_back(std::move(f.module));
  return modules;
}

void set_block_rates(std::span<AdaptedLayer> modules, std::span<const double> block_lr_weight) {
  if (block_lr_weight.empty()) return;
  for (AdaptedLayer& module : modules) {
    if (module.in_text_encoder()) continue;
    module.rate_block = lora_block(module.path);
    module.lr_weight = block_lr_weight[static_cast<size_t>(*module.rate_block)];
  }
}

std::vector<AdaptedLayer> adaptable_layers(std::span<const NamedShape> weights) {
  AdapterTargets targets;
  targets.conv_dim = 1;
  return adapted_layers(weights, targets);
}

}  // namespace rankine
