#include "network/lora_names.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace rankine {
namespace {

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
std::vector<int> position_of(std::span<const std::string_view> parts, std::span<const std::string_view> words) {
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

void take_block_ranks(AdaptedLayer& module, const DenoiserBlocks& blocks, const std::vector<int64_t>& dims,
                      const std::vector<double>& alphas) {
  if (dims.empty() && alphas.empty()) return;
  const auto block = static_cast<size_t>(blocks.block_of(module.path));
  if (!dims.empty()) module.rank = dims[block];
  if (!alphas.empty()) module.alpha = alphas[block];
}

}  // namespace

std::string kohya_key(std::string_view canonical, const AdaptableModules& model) {
  const std::string path = model.path_in_files ? model.path_in_files(canonical) : std::string(canonical);
  std::string names;
  for (const ModelPart& part : model.parts) {
    names.append(names.empty() ? "" : " or ").append(part.name).append(".");
    const std::string_view rest = std::string_view(path).substr(std::min(path.size(), part.name.size()));
    if (!path.starts_with(part.name) || !rest.starts_with('.')) continue;
    std::string key = concat_text(part.prefix, rest);
    std::replace(key.begin(), key.end(), '.', '_');
    return key;
  }
  fail("\"", canonical, "\" has no name in a LoRA file: a path must start with ", names);
}

std::vector<AdaptedLayer> adapted_layers(std::span<const NamedShape> weights, const AdaptableModules& model,
                                         const AdapterTargets& targets) {
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
    const std::string in_files = model.path_in_files ? model.path_in_files(path) : path;
    const auto parts = split(in_files);
    const auto of = std::ranges::find(model.parts, parts[0], &ModelPart::name);
    if (of == model.parts.end()) continue;
    const bool is_text = of->role == Role::text_encoder;
    if (is_text ? !targets.text_encoder : !targets.unet) continue;
    const auto in_convolutional = [&](std::string_view part) { return contains(model.convolutional, part); };
    if (!adapts_convolutions && std::any_of(parts.begin(), parts.end(), in_convolutional)) continue;
    std::vector<int> position = position_of(std::span(parts).subspan(1), model.words);
    if (position.empty()) continue;
    position.insert(position.begin(), static_cast<int>(of - model.parts.begin()));

    const bool wide_kernel = weight.shape.size() == 4 && weight.shape[2] * weight.shape[3] > 1;
    AdaptedLayer module{.key = kohya_key(path, model), .path = path, .role = of->role, .weight = weight.shape};
    module.rank = wide_kernel ? targets.conv_dim.value_or(0) : targets.network_dim;
    module.alpha = wide_kernel ? targets.conv_alpha : targets.network_alpha;
    if (!is_text)
      take_block_ranks(module, model.blocks, wide_kernel ? blocks.conv_dims : blocks.dims,
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

void set_block_rates(std::span<AdaptedLayer> modules, const DenoiserBlocks& blocks,
                     std::span<const double> block_lr_weight) {
  if (block_lr_weight.empty()) return;
  for (AdaptedLayer& module : modules) {
    if (module.in_text_encoder()) continue;
    module.rate_block = blocks.block_of(module.path);
    module.lr_weight = block_lr_weight[static_cast<size_t>(*module.rate_block)];
  }
}

void set_text_encoder_rates(std::span<AdaptedLayer> modules, const AdaptableModules& model,
                            std::span<const double> factors) {
  if (std::ranges::all_of(factors, [](double factor) { return factor == 1; })) return;
  int number = 0;
  for (const ModelPart& part : model.parts) {
    if (part.role != Role::text_encoder) continue;
    const double factor = factors[static_cast<size_t>(number++)];
    const std::string start = concat_text(part.name, '.');
    for (AdaptedLayer& module : modules) {
      if (!module.path.starts_with(start)) continue;
      module.rate_block = number;
      module.lr_weight = factor;
    }
  }
}

size_t text_encoder_count(const AdaptableModules& model) {
  return static_cast<size_t>(std::ranges::count(model.parts, Role::text_encoder, &ModelPart::role));
}

std::vector<AdaptedLayer> adaptable_layers(std::span<const NamedShape> weights, const AdaptableModules& model) {
  AdapterTargets targets;
  targets.conv_dim = 1;
  return adapted_layers(weights, model, targets);
}

}  // namespace rankine
