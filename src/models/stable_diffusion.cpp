#include "models/stable_diffusion.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"
#include "models/model.h"

namespace rankine {
namespace {

/// The number that `text` starts with; nothing where it does not start with one.
std::optional<int> leading_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// The rest of `path` behind `word`.
std::optional<std::string_view> after(std::string_view path, std::string_view word) {
  const size_t at = path.find(word);
  return at == path.npos ? std::nullopt : std::optional(path.substr(at + word.size()));
}

int64_t first_dim(const Checkpoint& checkpoint, const std::string& name) {
  const Shape& shape = checkpoint.shape(name);
  check(!shape.empty() && shape[0] > 0, checkpoint.path(), ": tensor \"", name, "\" has the impossible shape ",
        as_text(shape));
  return shape[0];
}

/// The number of tensors that `name_of` gives for 0, 1, 2, ... and that are there.
template <class NameOf>
int count_there(const Checkpoint& checkpoint, NameOf name_of) {
  int count = 0;
  while (checkpoint.has(name_of(count))) ++count;
  return count;
}

int64_t read_depth(const Checkpoint& checkpoint, const std::string& attention) {
  return count_there(checkpoint, [&](int i) {
    return concat_text("unet.", attention, ".attentions.0.transformer_blocks.", i, ".norm1.weight");
  });
}

std::vector<int64_t> read_levels(const Checkpoint& checkpoint, const std::string& blocks) {
  const auto name = [&](int level) { return concat_text(blocks, level, ".resnets.0.conv1.weight"); };
  std::vector<int64_t> widths = {first_dim(checkpoint, name(0))};
  for (int level = 1; checkpoint.has(name(level)); ++level) widths.push_back(first_dim(checkpoint, name(level)));
  return widths;
}

int read_layers(const Checkpoint& checkpoint, const std::string& part) {
  return count_there(checkpoint,
                     [&](int i) { return concat_text(part, ".text_model.encoder.layers.", i, ".layer_norm1.weight"); });
}

void check_multiple(const Checkpoint& checkpoint, int64_t width, int64_t of, const char* which, const char* why) {
  check(width % of == 0, checkpoint.path(), ": ", which, " of ", width, " is not a multiple of ", why);
}

std::string joined(const std::vector<int64_t>& values) {
  std::string text;
  for (const int64_t value : values) text += concat_text(text.empty() ? "" : ", ", value);
  return text;
}

/// The text encoder's width is the context's: there is no projection between them.
class OneTowerModel final : public Model {
 public:
  OneTowerModel(const Family& family, StableDiffusionConfig config, ClipTokenizerConfig tokenizer)
      : Model(family), config_(std::move(config)), tokenizer_(tokenizer) {}

  CaptionTokens tokenize(const std::string& caption, int64_t chunks, bool weighted) const override {
    return tokenize_caption(tokenizer_, caption, chunks, weighted);
  }
  PromptTokens tokenize_prompts(std::span<const std::string> prompts) const override {
    return rankine::tokenize_prompts(tokenizer_, prompts);
  }
  Shape ids_shape(int64_t chunks) const override { return {chunks, config_.text.positions}; }
  int64_t most_clip_skip() const override { return config_.text.layers; }

  std::vector<ConditionSpec> condition(const TextShape& text) const override {
    const int64_t tokens = clip_states(config_.text, text.chunks, text.whole_chunks);
    return {{.name = "context", .shape = {tokens, config_.text.width}, .per_token = true}};
  }
  std::vector<Value> encode_text(Graph& graph, Value ids, const TextShape& text, int64_t clip_skip,
                                 DType compute) const override {
    return {clip_text({graph, "text_encoder"}, config_.text, ids, clip_skip, compute, text.whole_chunks)};
  }
  Value denoise(Graph& graph, Value latents, Value timesteps, std::span<const Value> condition,
                Value /*sizes*/) const override {
    return unet({graph, "unet"}, config_.unet, latents, timesteps, condition[0]);
  }
  Value encode_image(Graph& graph, Value images) const override {
    return vae_encode({graph, "vae"}, config_.vae, images);
  }
  Value decode_latents(Graph& graph, Value latents) const override {
    return vae_decode({graph, "vae"}, config_.vae, latents);
  }

 private:
  StableDiffusionConfig config_;
  ClipTokenizer tokenizer_;
};

}  // namespace

bool is_single_file(const TensorNames& tensors) {
  const bool is_refiner = tensors.has_prefix("conditioner.") && !tensors.has_prefix("conditioner.embedders.1.");
  return tensors.has(kSingleFileUNet) && !is_refiner;
}

const Shape* folder_projection(const TensorNames& tensors) {
  if (tensors.has("text_encoder_2.text_model.final_layer_norm.weight")) return nullptr;
  return tensors.shape("unet.down_blocks.0.attentions.0.proj_in.weight");
}

Shape stable_diffusion_shape(std::string_view canonical, Shape stored) {
  const bool vae_linear = canonical.starts_with("vae.") && canonical.find(".attentions.") != canonical.npos;
  if (vae_linear && stored.size() == 4 && stored[2] == 1 && stored[3] == 1) stored.resize(2);
  return stored;
}

void check_input_channels(const Checkpoint& checkpoint) {
  const Shape& shape = checkpoint.shape("unet.conv_in.weight");
  check(shape.size() == 4, checkpoint.path(), ": unet.conv_in.weight has shape ", as_text(shape),
        ", expected [C, 4, 3, 3]");
  check(shape[1] == 4, checkpoint.path(), ": the U-Net takes ", shape[1], " channels, expected 4: this is ",
        shape[1] == 9   ? "an inpainting checkpoint"
        : shape[1] == 8 ? "an image-editing checkpoint (InstructPix2Pix)"
        : shape[1] == 5 ? "a depth-guided checkpoint"
                        : "no text-to-image checkpoint",
        ", which is not supported");
}

void check_stable_diffusion(const Checkpoint& checkpoint) {
  check_input_channels(checkpoint);
  for (const auto& [name, shape] : open_model(checkpoint)->tensors())
    check(checkpoint.shape(name) == shape, checkpoint.path(), ": tensor \"", name, "\" has shape ",
          as_text(checkpoint.shape(name)), ", expected ", as_text(shape));
}

void check_stable_diffusion_vae(const Checkpoint& checkpoint, const std::string& path) {
  const std::string some = "vae.encoder.down_blocks.0.resnets.0.conv1.weight";
  check(checkpoint.has(some), path, ": this is no autoencoder of Stable Diffusion: it has no ", some.substr(4),
        " (encoder.down.0.block.0.conv1.weight in single files)");
  for (const auto& [name, wanted] : open_model(checkpoint)->tensors()) {
    if (!name.starts_with("vae.")) continue;
    check(checkpoint.has(name), path, ": the autoencoder is not complete: it has no ", name.substr(4));
    check(checkpoint.shape(name) == wanted, path, ": ", name.substr(4), " has shape ", as_text(checkpoint.shape(name)),
          ", expected ", as_text(wanted), " as in an autoencoder of ", checkpoint.family().name);
  }
}

ModelWidths read_widths(const Checkpoint& checkpoint) {
  ModelWidths widths;
  widths.unet = read_levels(checkpoint, "unet.down_blocks.");
  widths.vae = read_levels(checkpoint, "vae.encoder.down_blocks.");
  widths.depths.clear();
  for (size_t level = 0; level < widths.unet.size(); ++level)
    widths.depths.push_back(read_depth(checkpoint, concat_text("down_blocks.", level)));
  widths.middle_depth = read_depth(checkpoint, "mid_block");
  widths.text_width = first_dim(checkpoint, "text_encoder.text_model.final_layer_norm.weight");
  widths.text_layers = read_layers(checkpoint, "text_encoder");
  check(widths.text_layers > 0, checkpoint.path(), ": the text encoder has no layers");
  widths.text_2_layers = read_layers(checkpoint, "text_encoder_2");
  if (widths.has_second_tower())
    widths.text_2_width = first_dim(checkpoint, "text_encoder_2.text_model.final_layer_norm.weight");
  for (const int64_t width : widths.unet)
    check_multiple(checkpoint, width, 32, "a U-Net width", "32, as group normalisation needs");
  for (const int64_t width : widths.vae)
    check_multiple(checkpoint, width, 32, "a VAE width", "32, as group normalisation needs");
  for (const int64_t width : {widths.text_width, widths.text_2_width})
    check_multiple(checkpoint, width, 64, "the text encoder's width", "its head size, 64");
  return widths;
}

StableDiffusionConfig config_of(const ModelWidths& widths) {
  StableDiffusionConfig config;
  config.text.width = widths.text_width;
  config.text.layers = widths.text_layers;
  config.text.exact_gelu = widths.open_clip;
  config.text_2.width = widths.text_2_width;
  config.text_2.layers = widths.text_2_layers;
  config.text_2.exact_gelu = true;
  config.unet.channels = widths.unet;
  config.unet.depths = widths.depths;
  config.unet.middle_depth = widths.middle_depth;
  config.unet.context_width = widths.context();
  if (widths.open_clip || widths.has_second_tower()) config.unet.head_size = 64;
  config.unet.linear_projections = widths.has_second_tower();
  config.vae.channels = widths.vae;
  return config;
}

std::string widths_text(const Checkpoint& checkpoint) {
  const ModelWidths widths = read_widths(checkpoint);
  const std::string second =
      widths.has_second_tower() ? concat_text(", ", widths.text_2_width, " x ", widths.text_2_layers, " layers") : "";
  return concat_text("U-Net ", joined(widths.unet), "; context ", widths.context(), "; VAE ", joined(widths.vae),
                     "; text encoder ", widths.text_width, " x ", widths.text_layers, " layers", second);
}

std::shared_ptr<const Model> one_tower_model(const Family& family, const StableDiffusionConfig& config,
                                             ClipTokenizerConfig tokenizer) {
  return std::make_shared<OneTowerModel>(family, config, tokenizer);
}

int unet_block(std::string_view path) {
  if (after(path, ".mid_block.")) return kUNetBlocks.down;
  for (const auto& [side, first] :
       {std::pair{".down_blocks.", 1}, {".up_blocks.", kUNetBlocks.down + kUNetBlocks.middle}}) {
    const auto block = after(path, side);
    if (!block) continue;
    const std::optional<int> number = leading_number(*block);
    std::optional<int> within;
    for (const std::string_view kind : {".attentions.", ".resnets."})
      if (const auto rest = after(*block, kind); rest && !within) within = leading_number(*rest);
    if (after(*block, "samplers.")) within = 2;  // with the last of the three
    if (number && within) return first + 3 * *number + *within;
  }
  fail("\"", path, "\" is in none of the U-Net's ", kUNetBlocks.count(), " blocks");
}

}  // namespace rankine
