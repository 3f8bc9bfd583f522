#include "layout_weights.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "base/half.h"

namespace rankine::golden {
namespace {

std::string replace_start(const std::string& text, const std::string& from, const std::string& to) {
  return text.starts_with(from) ? to + text.substr(from.size()) : text;
}

// "in_layers.2.weight" -> "conv1.weight"
std::string resnet_name(std::string inner) {
  for (const auto& [from, to] : {std::pair{"in_layers.0", "norm1"},
                                 {"in_layers.2", "conv1"},
                                 {"emb_layers.1", "time_emb_proj"},
                                 {"out_layers.0", "norm2"},
                                 {"out_layers.3", "conv2"},
                                 {"skip_connection", "conv_shortcut"}})
    inner = replace_start(inner, from, to);
  return inner;
}

// The diffusers path of a U-Net weight whose name in the checkpoint follows "model.diffusion_model.".
std::string unet_path(const std::string& name) {
  static const std::regex blocks(R"((input|middle|output)_blocks?\.(\d+)\.(?:(\d+)\.)?(.*))");
  std::smatch match;
  if (!std::regex_match(name, match, blocks)) return "unet." + name;
  const int n = std::stoi(match[2]);
  const std::string rest = match[4];
  if (match[1] == "middle") {
    if (n == 1) return "unet.mid_block.attentions.0." + rest;
    return "unet.mid_block.resnets." + std::to_string(n / 2) + "." + resnet_name(rest);
  }
  const int part = std::stoi(match[3]);
  if (match[1] == "input") {
    if (n == 0) return "unet.conv_in." + rest;
    const std::string block = "unet.down_blocks." + std::to_string((n - 1) / 3) + ".";
    if ((n - 1) % 3 == 2) return block + "downsamplers.0.conv." + rest.substr(rest.find('.') + 1);
    const std::string index = std::to_string((n - 1) % 3) + ".";
    return block + (part == 0 ? "resnets." + index + resnet_name(rest) : "attentions." + index + rest);
  }
  const std::string block = "unet.up_blocks." + std::to_string(n / 3) + ".", index = std::to_string(n % 3) + ".";
  if (rest.starts_with("conv.")) return block + "upsamplers.0." + rest;
  return block + (part == 0 ? "resnets." + index + resnet_name(rest) : "attentions." + index + rest);
}

float synthetic_value(const std::string& name, uint64_t seed, uint64_t index, double scale) {
  constexpr uint64_t golden_ratio = 0x9E3779B97F4A7C15;
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  uint64_t z = (hash ^ seed * golden_ratio) + (index + 1) * golden_ratio;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  z ^= z >> 31;
  const float u = static_cast<float>(z >> 40) * 0x1p-23f - 1;
  return f32_from_f16(f16_from_f32(u * static_cast<float>(scale)));
}

std::vector<float> synthetic_values(const std::string& name, const Shape& shape, uint64_t seed, double scale) {
  std::vector<float> values(static_cast<size_t>(count_of(shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = synthetic_value(name, seed, i, scale);
  return values;
}

}  // namespace

std::vector<ModelWeight> layout_weights(const ModelLayout& layout) {
  const auto table = read_reference_json(layout.path.filename().string());
  const std::string unet = "model.diffusion_model.", text = "cond_stage_model.transformer.";
  std::vector<ModelWeight> weights;
  for (const auto& tensor : table.at("tensors")) {
    const auto name = tensor.at(0).get<std::string>();
    if (name.starts_with(unet))
      weights.push_back({unet_path(name.substr(unet.size())), tensor.at(1)});
    else if (name.starts_with(text))
      weights.push_back({"text_encoder." + name.substr(text.size()), tensor.at(1)});
  }
  return weights;
}

SyntheticLora synthetic_lora(const std::vector<LoraModule>& modules, uint64_t seed) {
  SyntheticLora lora;
  for (const LoraModule& m : modules) {
    const double down_scale = 1 / std::sqrt(static_cast<double>(m.fan_in()));
    lora.down.push_back(synthetic_values(m.key + ".lora_down.weight", m.down_shape(), seed, down_scale));
    lora.up.push_back(synthetic_values(m.key + ".lora_up.weight", m.up_shape(), seed, 0.1));
  }
  return lora;
}

}  // namespace rankine::golden
