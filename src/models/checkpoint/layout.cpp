#include "models/checkpoint/layout.h"

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

  void transformer(const std::string& name, int64_t width, int64_t context) {
    norm(name + ".norm", width);
    conv(name + ".proj_in", width, width, 1);
    const std::string block = name + ".transformer_blocks.0";
    attention(block + ".attn1", width, width);
    linear(block + ".ff.net.0.proj", 8 * width, width);  // GEGLU: value and gate, four times as wide each
    linear(block + ".ff.net.2", width, 4 * width);
    attention(block + ".attn2", width, context);
    for (const char* part : {".norm1", ".norm2", ".norm3"}) norm(block + part, width);
    conv(name + ".proj_out", width, width, 1);
  }
};

void list_unet(Lister& list, const Sd1Widths& widths) {
  const std::vector<int64_t>& c = widths.unet;
  const size_t levels = c.size();
  const int layers = BlockStructure{}.unet_layers;
  const int64_t time = 4 * c[0], context = widths.text_width;
  list.conv("unet.conv_in", c[0], 4, 3);
  list.linear("unet.time_embedding.linear_1", time, c[0]);
  list.linear("unet.time_embedding.linear_2", time, time);

  std::vector<int64_t> skips{c[0]};  // widths kept for the way up
  for (size_t level = 0; level < levels; ++level) {
    const std::string block = concat_text("unet.down_blocks.", level);
    const bool last = level + 1 == levels;  // the innermost level has no attention and no downsampling
    for (int i = 0; i < layers && !last; ++i)
      list.transformer(concat_text(block, ".attentions.", i), c[level], context);
    for (int i = 0; i < layers; ++i) {
      list.resnet(concat_text(block, ".resnets.", i), skips.back(), c[level], time);
      skips.push_back(c[level]);
    }
    if (last) break;
    list.conv(block + ".downsamplers.0.conv", c[level], c[level], 3);
    skips.push_back(c[level]);
  }

  int64_t width = c.back();
  for (size_t up = 0; up < levels; ++up) {
    const std::string block = concat_text("unet.up_blocks.", up);
    const int64_t out = c[levels - 1 - up];
    for (int i = 0; i <= layers && up > 0; ++i) list.transformer(concat_text(block, ".attentions.", i), out, context);
    for (int i = 0; i <= layers; ++i) {
      list.resnet(concat_text(block, ".resnets.", i), width + skips.back(), out, time);
      skips.pop_back();
      width = out;
    }
    if (up + 1 < levels) list.conv(block + ".upsamplers.0.conv", out, out, 3);
  }
  list.transformer("unet.mid_block.attentions.0", c.back(), context);
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

void list_vae(Lister& list, const Sd1Widths& widths) {
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

void list_text_encoder(Lister& list, const Sd1Widths& widths) {
  constexpr int64_t tokens = 49408, positions = 77;
  const int64_t width = widths.text_width;
  const std::string text = "text_encoder.text_model.";
  list.linear_no_bias(text + "embeddings.token_embedding", tokens, width);
  list.linear_no_bias(text + "embeddings.position_embedding", positions, width);
  for (int i = 0; i < widths.text_layers; ++i) {
    const std::string layer = concat_text(text, "encoder.layers.", i);
    for (const char* part : {".self_attn.k_proj", ".self_attn.v_proj", ".self_attn.q_proj", ".self_attn.out_proj"})
      list.linear(layer + part, width, width);
    list.norm(layer + ".layer_norm1", width);
    list.linear(layer + ".mlp.fc1", 4 * width, width);
    list.linear(layer + ".mlp.fc2", width, 4 * width);
    list.norm(layer + ".layer_norm2", width);
  }
  list.norm(text + "final_layer_norm", width);
}

}  // namespace

int64_t Layout::elements() const {
  int64_t sum = 0;
  for (const NamedShape& tensor : tensors) sum += count_of(tensor.shape);
  return sum;
}

std::vector<NamedShape> sd1_tensors(const Sd1Widths& widths) {
  Lister list;
  list_unet(list, widths);
  list_vae(list, widths);
  list_text_encoder(list, widths);
  return std::move(list.tensors);
}

Layout sd1_layout(const std::string& architecture, const Sd1Widths& widths) {
  const DiffusersNames names{BlockStructure{}};
  Layout layout{.architecture = architecture, .tensors = sd1_tensors(widths)};
  for (NamedShape& tensor : layout.tensors) {
    // A single file stores the VAE's attention as 1x1 convolutions.
    if (tensor.name.starts_with("vae.") && tensor.shape.size() == 2) tensor.shape.insert(tensor.shape.end(), {1, 1});
    tensor.name = names.to_single_file(tensor.name).value();
  }
  return layout;
}

Layout sd15_layout() { return sd1_layout("sd15", {}); }

Layout tiny_sd15_layout() {
  return sd1_layout("tiny-sd15",
                    {.unet = {64, 96, 128, 128}, .vae = {32, 64, 96, 96}, .text_width = 128, .text_layers = 3});
}

Layout layout_of(const std::string& architecture) {
  constexpr std::pair<const char*, Layout (*)()> known[] = {{"sd15", sd15_layout}, {"tiny-sd15", tiny_sd15_layout}};
  for (const auto& [name, layout] : known)
    if (architecture == name) return layout();
  fail("unknown architecture \"", architecture, "\": expected sd15 or tiny-sd15; others can be given as a layout file");
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
