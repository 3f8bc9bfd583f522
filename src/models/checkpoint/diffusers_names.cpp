#include "models/checkpoint/diffusers_names.h"

#include <utility>

#include "base/error.h"

namespace rankine {
namespace {

struct Renamed {
  const char *canonical, *single_file;
};

// Inside a residual block of the U-Net.
constexpr Renamed unet_resnet[] = {
    {"norm1", "in_layers.0"},  {"conv1", "in_layers.2"},  {"time_emb_proj", "emb_layers.1"},
    {"norm2", "out_layers.0"}, {"conv2", "out_layers.3"}, {"conv_shortcut", "skip_connection"},
};

constexpr Renamed unet_edges[] = {
    {"conv_in", "input_blocks.0.0"},
    {"time_embedding.linear_1", "time_embed.0"},
    {"time_embedding.linear_2", "time_embed.2"},
    {"add_embedding.linear_1", "label_emb.0.0"},  // SDXL
    {"add_embedding.linear_2", "label_emb.0.2"},
    {"conv_norm_out", "out.0"},
    {"conv_out", "out.2"},
};

// Inside a residual block and the attention block of the VAE. Most names are equal on both sides.
constexpr Renamed vae_resnet[] = {
    {"norm1", "norm1"}, {"conv1", "conv1"}, {"norm2", "norm2"}, {"conv2", "conv2"}, {"conv_shortcut", "nin_shortcut"},
};
constexpr Renamed vae_attention[] = {
    {"group_norm", "norm"}, {"to_q", "q"}, {"to_k", "k"}, {"to_v", "v"}, {"to_out.0", "proj_out"},
};

std::optional<std::string> translate(std::string_view name, const std::unordered_map<std::string, size_t>& index,
                                     const std::vector<DiffusersNames::Module>& modules,
                                     std::string DiffusersNames::Module::*target) {
  for (size_t end = name.size(); end != name.npos && end > 0; end = name.rfind('.', end - 1)) {
    const auto found = index.find(std::string(name.substr(0, end)));
    if (found != index.end()) return concat_text(modules[found->second].*target, name.substr(end));
  }
  return std::nullopt;
}

}  // namespace

DiffusersNames::DiffusersNames(const BlockStructure& structure) {
  add_unet(structure);
  add_vae(structure);
  if (!structure.text_encoder.empty()) add("text_encoder", structure.text_encoder);
}

void DiffusersNames::add(std::string canonical, std::string single_file) {
  by_canonical_.emplace(canonical, modules_.size());
  by_single_file_.emplace(single_file, modules_.size());
  modules_.push_back({std::move(canonical), std::move(single_file)});
}

// A single file numbers everything on the way down (convolution, residual blocks with their attention, downsampling) as
// input_blocks, everything on the way up as output_blocks, and the contents of each of them.
void DiffusersNames::add_unet(const BlockStructure& structure) {
  const auto unet = [&](const std::string& canonical, const std::string& single_file) {
    add("unet." + canonical, "model.diffusion_model." + single_file);
  };
  const auto resnet = [&](const std::string& canonical, const std::string& single_file) {
    for (const Renamed& part : unet_resnet)
      unet(concat_text(canonical, '.', part.canonical), concat_text(single_file, '.', part.single_file));
  };
  for (const Renamed& edge : unet_edges) unet(edge.canonical, edge.single_file);

  const int levels = static_cast<int>(structure.unet_attention.size()), layers = structure.unet_layers;
  for (int level = 0; level < levels; ++level) {
    const std::string block = concat_text("down_blocks.", level);
    for (int layer = 0; layer < layers; ++layer) {
      const std::string input = concat_text("input_blocks.", 1 + level * (layers + 1) + layer);
      resnet(concat_text(block, ".resnets.", layer), input + ".0");
      if (structure.unet_attention[static_cast<size_t>(level)])
        unet(concat_text(block, ".attentions.", layer), input + ".1");
    }
    if (level + 1 < levels)
      unet(block + ".downsamplers.0.conv", concat_text("input_blocks.", (level + 1) * (layers + 1), ".0.op"));
  }

  resnet("mid_block.resnets.0", "middle_block.0");
  unet("mid_block.attentions.0", "middle_block.1");
  resnet("mid_block.resnets.1", "middle_block.2");

  for (int level = 0; level < levels; ++level) {  // from the innermost outwards
    const std::string block = concat_text("up_blocks.", level);
    const bool attention = structure.unet_attention[static_cast<size_t>(levels - 1 - level)];
    for (int layer = 0; layer <= layers; ++layer) {
      const std::string output = concat_text("output_blocks.", level * (layers + 1) + layer);
      resnet(concat_text(block, ".resnets.", layer), output + ".0");
      if (attention) unet(concat_text(block, ".attentions.", layer), output + ".1");
      if (layer == layers && level + 1 < levels)
        unet(block + ".upsamplers.0.conv", concat_text(output, attention ? ".2" : ".1", ".conv"));
    }
  }
}

void DiffusersNames::add_vae(const BlockStructure& structure) {
  const auto vae = [&](const std::string& canonical, const std::string& single_file) {
    add("vae." + canonical, "first_stage_model." + single_file);
  };
  const auto parts = [&](const auto& table, const std::string& canonical, const std::string& single_file) {
    for (const Renamed& part : table)
      vae(concat_text(canonical, '.', part.canonical), concat_text(single_file, '.', part.single_file));
  };
  for (const char* name :
       {"encoder.conv_in", "encoder.conv_out", "decoder.conv_in", "decoder.conv_out", "quant_conv", "post_quant_conv"})
    vae(name, name);
  for (const std::string half : {"encoder", "decoder"}) {
    vae(half + ".conv_norm_out", half + ".norm_out");
    parts(vae_resnet, half + ".mid_block.resnets.0", half + ".mid.block_1");
    parts(vae_attention, half + ".mid_block.attentions.0", half + ".mid.attn_1");
    parts(vae_resnet, half + ".mid_block.resnets.1", half + ".mid.block_2");
  }
  for (int level = 0; level < structure.vae_levels; ++level) {
    const std::string down = concat_text("encoder.down.", level);
    const std::string up = concat_text("decoder.up.", structure.vae_levels - 1 - level);  // numbered from the outside
    const std::string down_block = concat_text("encoder.down_blocks.", level);
    const std::string up_block = concat_text("decoder.up_blocks.", level);
    for (int layer = 0; layer < structure.vae_layers; ++layer)
      parts(vae_resnet, concat_text(down_block, ".resnets.", layer), concat_text(down, ".block.", layer));
    for (int layer = 0; layer <= structure.vae_layers; ++layer)
      parts(vae_resnet, concat_text(up_block, ".resnets.", layer), concat_text(up, ".block.", layer));
    if (level + 1 == structure.vae_levels) continue;
    vae(down_block + ".downsamplers.0.conv", down + ".downsample.conv");
    vae(up_block + ".upsamplers.0.conv", up + ".upsample.conv");
  }
}

std::optional<std::string> DiffusersNames::to_single_file(std::string_view canonical) const {
  return translate(canonical, by_canonical_, modules_, &Module::single_file);
}

std::optional<std::string> DiffusersNames::to_canonical(std::string_view single_file) const {
  return translate(single_file, by_single_file_, modules_, &Module::canonical);
}

std::string with_text_model(std::string name, size_t begin) {
  for (const std::string_view part : {"embeddings.", "encoder.", "final_layer_norm."})
    if (begin <= name.size() && name.compare(begin, part.size(), part) == 0) return name.insert(begin, "text_model.");
  return name;
}

std::string modern_vae_name(std::string name) {
  constexpr Renamed old_names[] = {{"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}};
  const std::string_view attention = ".mid_block.attentions.0.";
  const size_t at = name.find(attention);
  if (at == name.npos) return name;
  const size_t begin = at + attention.size(), end = name.find('.', begin);
  for (const auto& [present, old] : old_names)
    if (end != name.npos && name.compare(begin, end - begin, old) == 0)
      return name.replace(begin, end - begin, present);
  return name;
}

}  // namespace rankine
