#include "models/checkpoint/layout.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "io/mapped_file.h"
#include "io/nesting.h"
#include "models/checkpoint/diffusers_names.h"

namespace rankine {
namespace {

// Lists tensors in the order in which PyTorch lists a model's parameters.
struct Lister {
  std::vector<NamedShape> tensors{};

  void weight_and_bias(const std::string& name, Shape weight) {
    const int64_t out = weight.front();
    tensors.push_back({name + ".weight", std::move(weight)});
    tensors.push_back({name + ".bias", {out}});
  }
  void norm(const std::string& name, int64_t width) { weight_and_bias(name, {width}); }
  void conv(const std::string& name, int64_t out, int64_t in, int64_t kernel) {
    weight_and_bias(name, {out, in, kernel, kernel});
  }
  void linear(const std::string& name, int64_t out, int64_t in) { weight_and_bias(name, {out, in}); }
  void linear_no_bias(const std::string& name, int64_t out, int64_t in) {
    tensors.push_back({name + ".weight", {out, in}});
  }

  // `time` is the width of the time embedding; 0 in the VAE, which has none.
  void resnet(const std::string& name, int64_t in, int64_t out, int64_t time) {
    norm(name + ".norm1", in);
    conv(name + ".conv1", out, in, 3);
    if (time) linear(name + ".time_emb_proj", out, time);
    norm(name + ".norm2", out);
    conv(name + ".conv2", out, out, 3);
    if (in != out) conv(name + ".conv_shortcut", out, in, 1);
  }

  void attention(const std::string& name, int64_t width, int64_t context) {
    linear_no_bias(name + ".to_q", width, width);
    linear_no_bias(name + ".to_k", width, context);
    linear_no_bias(name + ".to_v", width, context);
    linear(name + ".to_out.0", width, width);
  }

  // SDXL's projections are linear layers, others 1x1 convolutions.
  void transformer(const std::string& name, int64_t width, int64_t depth, const ModelWidths& widths) {
    const auto projection = [&](const std::string& part) {
      if (widths.has_second_tower())
        linear(name + part, width, width);
      else
        conv(name + part, width, width, 1);
    };
    norm(name + ".norm", width);
    projection(".proj_in");
    for (int64_t i = 0; i < depth; ++i) {
      const std::string block = concat_text(name, ".transformer_blocks.", i);
      attention(block + ".attn1", width, width);
      linear(block + ".ff.net.0.proj", 8 * width, width);  // GEGLU: value and gate, four times as wide each
      linear(block + ".ff.net.2", width, 4 * width);
      attention(block + ".attn2", width, widths.context());
      for (const char* part : {".norm1", ".norm2", ".norm3"}) norm(block + part, width);
    }
    projection(".proj_out");
  }
};

void list_unet(Lister& list, const ModelWidths& widths) {
  const std::vector<int64_t>& c = widths.unet;
  const size_t levels = c.size();
  const int layers = BlockStructure{}.unet_layers;
  const int64_t time = 4 * c[0];
  list.conv("unet.conv_in", c[0], 4, 3);
  list.linear("unet.time_embedding.linear_1", time, c[0]);
  list.linear("unet.time_embedding.linear_2", time, time);
  if (widths.has_second_tower()) {
    list.linear("unet.add_embedding.linear_1", time, widths.vector());
    list.linear("unet.add_embedding.linear_2", time, time);
  }

  std::vector<int64_t> skips{c[0]};  // widths kept for the way up
  for (size_t level = 0; level < levels; ++level) {
    const std::string block = concat_text("unet.down_blocks.", level);
    const int64_t depth = widths.depths[level];
    for (int i = 0; i < layers && depth; ++i)
      list.transformer(concat_text(block, ".attentions.", i), c[level], depth, widths);
    for (int i = 0; i < layers; ++i) {
      list.resnet(concat_text(block, ".resnets.", i), skips.back(), c[level], time);
      skips.push_back(c[level]);
    }
    if (level + 1 == levels) break;  // the innermost level has no downsampling
    list.conv(block + ".downsamplers.0.conv", c[level], c[level], 3);
    skips.push_back(c[level]);
  }

  int64_t width = c.back();
  for (size_t up = 0; up < levels; ++up) {
    const std::string block = concat_text("unet.up_blocks.", up);
    const int64_t out = c[levels - 1 - up];
    const int64_t depth = widths.depths[levels - 1 - up];
    for (int i = 0; i <= layers && depth; ++i)
      list.transformer(concat_text(block, ".attentions.", i), out, depth, widths);
    for (int i = 0; i <= layers; ++i) {
      list.resnet(concat_text(block, ".resnets.", i), width + skips.back(), out, time);
      skips.pop_back();
      width = out;
    }
    if (up + 1 < levels) list.conv(block + ".upsamplers.0.conv", out, out, 3);
  }
  list.transformer("unet.mid_block.attentions.0", c.back(), widths.middle_depth, widths);
  list.resnet("unet.mid_block.resnets.0", c.back(), c.back(), time);
  list.resnet("unet.mid_block.resnets.1", c.back(), c.back(), time);
  list.norm("unet.conv_norm_out", c[0]);
  list.conv("unet.conv_out", 4, c[0], 3);
}

void list_vae_mid(Lister& list, const std::string& half, int64_t width) {
  const std::string attention = half + ".mid_block.attentions.0";
  list.norm(attention + ".group_norm", width);
  for (const char* part : {".to_q", ".to_k", ".to_v", ".to_out.0"}) list.linear(attention + part, width, width);
  list.resnet(half + ".mid_block.resnets.0", width, width, 0);
  list.resnet(half + ".mid_block.resnets.1", width, width, 0);
}

void list_vae(Lister& list, const ModelWidths& widths) {
  const std::vector<int64_t>& c = widths.vae;
  const size_t levels = c.size();
  const int layers = BlockStructure{}.vae_layers;
  list.conv("vae.encoder.conv_in", c[0], 3, 3);
  int64_t width = c[0];
  for (size_t level = 0; level < levels; ++level) {
    const std::string block = concat_text("vae.encoder.down_blocks.", level);
    for (int i = 0; i < layers; ++i) {
      list.resnet(concat_text(block, ".resnets.", i), width, c[level], 0);
      width = c[level];
    }
    if (level + 1 < levels) list.conv(block + ".downsamplers.0.conv", width, width, 3);
  }
  list_vae_mid(list, "vae.encoder", width);
  list.norm("vae.encoder.conv_norm_out", width);
  list.conv("vae.encoder.conv_out", 8, width, 3);  // mean and log-variance of 4 channels

  list.conv("vae.decoder.conv_in", width, 4, 3);
  for (size_t up = 0; up < levels; ++up) {
    const std::string block = concat_text("vae.decoder.up_blocks.", up);
    const int64_t out = c[levels - 1 - up];
    for (int i = 0; i <= layers; ++i) {
      list.resnet(concat_text(block, ".resnets.", i), width, out, 0);
      width = out;
    }
    if (up + 1 < levels) list.conv(block + ".upsamplers.0.conv", out, out, 3);
  }
  list_vae_mid(list, "vae.decoder", c.back());
  list.norm("vae.decoder.conv_norm_out", width);
  list.conv("vae.decoder.conv_out", 3, width, 3);
  list.conv("vae.quant_conv", 8, 8, 1);
  list.conv("vae.post_quant_conv", 4, 4, 1);
}

constexpr int64_t kTokens = 49408, kPositions = 77;

void list_clip(Lister& list, const std::string& part, int64_t width, int layers) {
  const std::string text = part + ".text_model.";
  list.linear_no_bias(text + "embeddings.token_embedding", kTokens, width);
  list.linear_no_bias(text + "embeddings.position_embedding", kPositions, width);
  for (int i = 0; i < layers; ++i) {
    const std::string layer = concat_text(text, "encoder.layers.", i);
    for (const char* name : {".self_attn.k_proj", ".self_attn.v_proj", ".self_attn.q_proj", ".self_attn.out_proj"})
      list.linear(layer + name, width, width);
    list.norm(layer + ".layer_norm1", width);
    list.linear(layer + ".mlp.fc1", 4 * width, width);
    list.linear(layer + ".mlp.fc2", width, 4 * width);
    list.norm(layer + ".layer_norm2", width);
  }
  list.norm(text + "final_layer_norm", width);
}

/// A text tower under OpenCLIP's own names.
void list_open_clip(Lister& list, const std::string& tower, int64_t width, int layers) {
  list.tensors.push_back({tower + "positional_embedding", {kPositions, width}});
  list.tensors.push_back({tower + "text_projection", {width, width}});
  list.tensors.push_back({tower + "logit_scale", {}});
  list.linear_no_bias(tower + "token_embedding", kTokens, width);
  for (int i = 0; i < layers; ++i) {
    const std::string layer = concat_text(tower, "transformer.resblocks.", i);
    list.norm(layer + ".ln_1", width);
    list.tensors.push_back({layer + ".attn.in_proj_weight", {3 * width, width}});
    list.tensors.push_back({layer + ".attn.in_proj_bias", {3 * width}});
    list.linear(layer + ".attn.out_proj", width, width);
    list.norm(layer + ".ln_2", width);
    list.linear(layer + ".mlp.c_fc", 4 * width, width);
    list.linear(layer + ".mlp.c_proj", width, 4 * width);
  }
  list.norm(tower + "ln_final", width);
}

/// SDXL's files list the U-Net's blocks from its input to its output, and each block's parts by their numbers.
std::vector<int> place_in_sdxl(std::string_view name) {
  constexpr std::string_view sections[] = {"model.diffusion_model.time_embed.", "model.diffusion_model.label_emb.",
                                           "model.diffusion_model.input_blocks.", "model.diffusion_model.middle_block.",
                                           "model.diffusion_model.output_blocks."};
  std::vector<int> place = {static_cast<int>(std::size(sections))};
  for (size_t i = 0; i < std::size(sections); ++i) {
    if (!name.starts_with(sections[i])) continue;
    place = {static_cast<int>(i)};
    name.remove_prefix(sections[i].size());
    int number = 0;
    while (place.size() < 3) {
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
      if (error != std::errc()) break;
      place.push_back(number);
      name.remove_prefix(std::min(name.size(), static_cast<size_t>(end - name.data()) + 1));
    }
  }
  return place;
}

struct Architecture {
  const char* name;
  ModelWidths widths;
};

const std::vector<Architecture>& architectures() {
  static const std::vector<int64_t> tiny_vae = {32, 64, 96, 96};
  static const std::vector<Architecture> table = {
      {"sd15", {}},
      {"sd21", {.text_width = 1024, .text_layers = 23, .open_clip = true}},
      {"sdxl",
       {.unet = {320, 640, 1280}, .depths = {0, 2, 10}, .middle_depth = 10, .text_2_width = 1280, .text_2_layers = 32}},
      {"tiny-sd15", {.unet = {64, 96, 128, 128}, .vae = tiny_vae, .text_width = 128, .text_layers = 3}},
      {"tiny-sd21",
       {.unet = {64, 128, 192, 192}, .vae = tiny_vae, .text_width = 192, .text_layers = 3, .open_clip = true}},
      {"tiny-sdxl",
       {.unet = {64, 128, 256},
        .depths = {0, 2, 3},
        .middle_depth = 3,
        .vae = tiny_vae,
        .text_width = 128,
        .text_2_width = 192,
        .text_2_layers = 4}}};
  return table;
}

}  // namespace

int64_t Layout::elements() const {
  int64_t sum = 0;
  for (const NamedShape& tensor : tensors) sum += count_of(tensor.shape);
  return sum;
}

std::vector<NamedShape> model_tensors(const ModelWidths& widths) {
  Lister list;
  list_unet(list, widths);
  list_vae(list, widths);
  list_clip(list, "text_encoder", widths.text_width, widths.text_layers);
  if (widths.has_second_tower()) {
    list_clip(list, "text_encoder_2", widths.text_2_width, widths.text_2_layers);
    list.linear_no_bias("text_encoder_2.text_projection", widths.text_2_width, widths.text_2_width);
  }
  return std::move(list.tensors);
}

Layout single_file_layout(const std::string& architecture, const ModelWidths& widths) {
  const bool is_sdxl = widths.has_second_tower();
  const DiffusersNames names(is_sdxl            ? BlockStructure::sdxl()
                             : widths.open_clip ? BlockStructure::sd2()
                                                : BlockStructure{});
  Lister list;
  for (NamedShape& tensor : model_tensors(widths)) {
    const std::optional<std::string> name = names.to_single_file(tensor.name);
    if (!name) continue;  // a tower of OpenCLIP follows under its own names
    const bool projection = tensor.name.ends_with("proj_in.weight") || tensor.name.ends_with("proj_out.weight");
    // A single file stores the VAE's attention as 1x1 convolutions, and the projections of SD 2.x as linear layers.
    if (tensor.name.starts_with("vae.") && tensor.shape.size() == 2) tensor.shape.insert(tensor.shape.end(), {1, 1});
    if (widths.open_clip && tensor.name.starts_with("unet.") && projection) tensor.shape.resize(2);
    list.tensors.push_back({*name, std::move(tensor.shape)});
  }
  if (widths.open_clip) list_open_clip(list, "cond_stage_model.model.", widths.text_width, widths.text_layers + 1);
  if (is_sdxl) {
    std::ranges::stable_sort(list.tensors, {}, [](const NamedShape& tensor) {
      return tensor.name.starts_with("model.") ? place_in_sdxl(tensor.name) : std::vector<int>{INT_MAX};
    });
    list_open_clip(list, "conditioner.embedders.1.model.", widths.text_2_width, widths.text_2_layers);
  }
  return {.architecture = architecture, .tensors = std::move(list.tensors)};
}

std::string architecture_names() {
  std::string names;
  for (const Architecture& known : architectures()) names.append(names.empty() ? "" : ",").append(known.name);
  return names;
}

Layout layout_of(const std::string& architecture) {
  for (const auto& [name, widths] : architectures())
    if (architecture == name) return single_file_layout(architecture, widths);
  fail("unknown architecture \"", architecture, "\": expected one of ", architecture_names(),
       "; others can be given as a layout file");
}

Layout read_layout(const std::string& path) {
  const MappedFile file(path);
  const auto* text = reinterpret_cast<const char*>(file.bytes().data());
  check(file.bytes().size() < (size_t{64} << 20), path, ": too large for a layout file");
  check_nesting({text, file.bytes().size()}, path);
  Layout layout;
  try {
    const auto json = nlohmann::json::parse(text, text + file.bytes().size());
    layout.architecture = json.value("architecture", "");
    for (const auto& entry : json.at("tensors")) {
      check(entry.is_array() && entry.size() == 2, path, ": each of \"tensors\" must be [name, shape], got ",
            entry.dump().substr(0, 100));
      layout.tensors.push_back({entry[0].get<std::string>(), entry[1].get<Shape>()});
    }
  } catch (const nlohmann::json::exception& error) {
    fail(path, ": not a layout file ({\"tensors\": [[name, shape], ...]}): ", error.what());
  }
  check(!layout.tensors.empty(), path, ": the layout has no tensors");
  std::unordered_set<std::string> names;
  constexpr int64_t max_elements = int64_t{1} << 40;  // far more than any model, far from overflow
  int64_t total = 0;
  for (const auto& [name, shape] : layout.tensors) {
    check(names.insert(name).second, path, ": tensor \"", name, "\" appears twice");
    int64_t count = 1;
    for (const int64_t dim : shape) {
      check(dim > 0 && dim <= max_elements / count, path, ": tensor \"", name, "\" has the impossible shape ",
            as_text(shape));
      count *= dim;
    }
    total += count;
    check(total <= max_elements, path, ": the layout has more than 2^40 elements");
  }
  return layout;
}

}  // namespace rankine
