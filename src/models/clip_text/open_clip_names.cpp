#include "models/clip_text/open_clip_names.h"

#include <charconv>

#include "base/error.h"

namespace rankine {
namespace {

struct Renamed {
  std::string_view open_clip, transformers;
};
constexpr Renamed kWhole[] = {
    {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"ln_final.weight", "text_model.final_layer_norm.weight"},
    {"ln_final.bias", "text_model.final_layer_norm.bias"},
    {"text_projection", "text_projection.weight"},
};
constexpr Renamed kLayers = {"transformer.resblocks.", "text_model.encoder.layers."};
/// Begins of names inside a layer.
constexpr Renamed kInLayer[] = {
    {"ln_1.", "layer_norm1."}, {"ln_2.", "layer_norm2."},   {"attn.out_proj.", "self_attn.out_proj."},
    {"mlp.c_fc.", "mlp.fc1."}, {"mlp.c_proj.", "mlp.fc2."},
};
constexpr std::string_view kPacked = "attn.in_proj_";
constexpr std::string_view kProjections[] = {"self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."};

struct InLayer {
  std::string_view number, rest;
};

/// The parts of "transformer.resblocks.NUMBER.REST".
std::optional<InLayer> in_layer(std::string_view name, std::string_view layers) {
  if (!name.starts_with(layers)) return std::nullopt;
  name.remove_prefix(layers.size());
  const size_t dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  return InLayer{name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace

std::vector<std::string> from_open_clip(std::string_view name) {
  for (const auto& [open_clip, transformers] : kWhole)
    if (name == open_clip) return {std::string(transformers)};
  const std::optional<InLayer> layer = in_layer(name, kLayers.open_clip);
  if (!layer) return {};
  const auto renamed = [&](std::string_view begin, std::string_view rest) {
    return concat_text(kLayers.transformers, layer->number, '.', begin, rest);
  };
  std::vector<std::string> names;
  if (layer->rest.starts_with(kPacked))
    for (const std::string_view projection : kProjections)
      names.push_back(renamed(projection, layer->rest.substr(kPacked.size())));
  for (const auto& [open_clip, transformers] : kInLayer)
    if (layer->rest.starts_with(open_clip))
      names.push_back(renamed(transformers, layer->rest.substr(open_clip.size())));
  return names;
}

std::optional<std::string> to_open_clip(std::string_view name) {
  for (const auto& [open_clip, transformers] : kWhole)
    if (name == transformers) return std::string(open_clip);
  const std::optional<InLayer> layer = in_layer(name, kLayers.transformers);
  if (!layer) return std::nullopt;
  const auto renamed = [&](std::string_view begin, std::string_view rest) {
    return concat_text(kLayers.open_clip, layer->number, '.', begin, rest);
  };
  for (const std::string_view projection : kProjections)
    if (layer->rest.starts_with(projection)) return renamed(kPacked, layer->rest.substr(projection.size()));
  for (const auto& [open_clip, transformers] : kInLayer)
    if (layer->rest.starts_with(transformers)) return renamed(open_clip, layer->rest.substr(transformers.size()));
  return std::nullopt;
}

std::optional<int> open_clip_layer(std::string_view name) {
  const std::optional<InLayer> layer = in_layer(name, kLayers.open_clip);
  int number = 0;
  if (!layer) return std::nullopt;
  const char* const end = layer->number.data() + layer->number.size();
  const auto [at, error] = std::from_chars(layer->number.data(), end, number);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

std::string open_clip_layer_mark(int layer) { return concat_text(kLayers.open_clip, layer, ".ln_1.weight"); }

}  // namespace rankine
