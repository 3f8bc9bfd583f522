#include "models/sd1.h"

#include "base/error.h"
#include "models/stable_diffusion.h"

namespace rankine {
namespace {

/// The text encoder's width is the context's: SD 1.x has no projection between them.
class Sd1Model final : public Model {
 public:
  explicit Sd1Model(Sd1Config config)
      : Model(sd1_family), config_(std::move(config)), tokenizer_(ClipTokenizerConfig::clip_l()) {}

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
  Value denoise(Graph& graph, Value latents, Value timesteps, std::span<const Value> condition) const override {
    return unet({graph, "unet"}, config_.unet, latents, timesteps, condition[0]);
  }
  Value encode_image(Graph& graph, Value images) const override {
    return vae_encode({graph, "vae"}, config_.vae, images);
  }
  Value decode_latents(Graph& graph, Value latents) const override {
    return vae_decode({graph, "vae"}, config_.vae, latents);
  }

 private:
  Sd1Config config_;
  ClipTokenizer tokenizer_;
};

const DiffusersNames& names() {
  static const DiffusersNames names{BlockStructure{}};
  return names;
}

std::optional<std::string> canonical_name(const std::string& name) {
  const std::string_view tower = "cond_stage_model.transformer.";
  return names().to_canonical(name.starts_with(tower) ? with_text_model(name, tower.size()) : name);
}

int64_t first_dim(const Checkpoint& checkpoint, const std::string& name) {
  const Shape& shape = checkpoint.shape(name);
  check(!shape.empty() && shape[0] > 0, checkpoint.path(), ": tensor \"", name, "\" has the impossible shape ",
        as_text(shape));
  return shape[0];
}

bool recognises(const TensorNames& tensors) {
  if (is_single_file(tensors)) {
    return tensors.has_prefix("first_stage_model.") && tensors.has_prefix("cond_stage_model.transformer.") &&
           !tensors.has_prefix("cond_stage_model.model.") && !tensors.has_prefix("conditioner.");
  }
  const Shape* projection = folder_projection(tensors);
  return projection && projection->size() == 4;
}

void check_checkpoint(const Checkpoint& checkpoint) {
  check_input_channels(checkpoint);
  for (const auto& [name, shape] : sd1_model(sd1_config(sd1_widths(checkpoint)))->tensors())
    check(checkpoint.shape(name) == shape, checkpoint.path(), ": tensor \"", name, "\" has shape ",
          as_text(checkpoint.shape(name)), ", expected ", as_text(shape));
}

void check_vae(const Checkpoint& checkpoint, const std::string& path) {
  const std::string some = "vae.encoder.down_blocks.0.resnets.0.conv1.weight";
  check(checkpoint.has(some), path, ": this is no autoencoder of Stable Diffusion: it has no ", some.substr(4),
        " (encoder.down.0.block.0.conv1.weight in single files)");
  for (const auto& [name, wanted] : sd1_model(sd1_config(sd1_widths(checkpoint)))->tensors()) {
    if (!name.starts_with("vae.")) continue;
    check(checkpoint.has(name), path, ": the autoencoder is not complete: it has no ", name.substr(4));
    check(checkpoint.shape(name) == wanted, path, ": ", name.substr(4), " has shape ", as_text(checkpoint.shape(name)),
          ", expected ", as_text(wanted), " as in an autoencoder of SD 1.x");
  }
}

std::string joined(const std::vector<int64_t>& values) {
  std::string text;
  for (const int64_t value : values) text += concat_text(text.empty() ? "" : ", ", value);
  return text;
}

std::string widths_text(const Checkpoint& checkpoint) {
  const Sd1Widths widths = sd1_widths(checkpoint);
  return concat_text("U-Net ", joined(widths.unet), "; context ", widths.text_width, "; VAE ", joined(widths.vae),
                     "; text encoder ", widths.text_width, " x ", widths.text_layers, " layers");
}

constexpr ModelPart kParts[] = {{"text_encoder", "lora_te", Role::text_encoder}, {"unet", "lora_unet", Role::denoiser}};

}  // namespace

constinit const Family sd1_family = {
    .name = "SD 1.x",
    .latents = {.channels = 4, .stride = 8, .bucket_step = 8, .scale = 0.18215f, .file_ending = "_sd.npz"},
    .adaptable = {.parts = kParts,
                  .words = kAdaptableWords,
                  .convolutional = kConvolutionalWords,
                  .blocks = kUNetBlocks},
    .base_model_names = [](bool v_prediction) -> BaseModelNames {
      return {.base_model_version = v_prediction ? "sd_v1_v" : "sd_v1",
              .architecture = "stable-diffusion-v1",
              .implementation = "diffusers",
              .resolution = {512, 512}};
    },
    .recognises = recognises,
    .canonical_name = canonical_name,
    .single_file_name = [](std::string_view name) { return names().to_single_file(name); },
    .check_checkpoint = check_checkpoint,
    .check_vae = check_vae,
    .widths_text = widths_text,
    .open = [](const Checkpoint& checkpoint) { return sd1_model(sd1_config(sd1_widths(checkpoint))); },
    .usual = [] { return sd1_model(Sd1Config{}); },
};

Sd1Widths sd1_widths(const Checkpoint& checkpoint) {
  Sd1Widths widths;
  for (size_t level = 0; level < widths.unet.size(); ++level)
    widths.unet[level] = first_dim(checkpoint, concat_text("unet.down_blocks.", level, ".resnets.0.conv1.weight"));
  for (size_t level = 0; level < widths.vae.size(); ++level)
    widths.vae[level] =
        first_dim(checkpoint, concat_text("vae.encoder.down_blocks.", level, ".resnets.0.conv1.weight"));
  widths.text_width = first_dim(checkpoint, "text_encoder.text_model.final_layer_norm.weight");
  widths.text_layers = 0;
  const auto layer_norm = [&] {
    return concat_text("text_encoder.text_model.encoder.layers.", widths.text_layers, ".layer_norm1.weight");
  };
  while (checkpoint.has(layer_norm())) ++widths.text_layers;
  check(widths.text_layers > 0, checkpoint.path(), ": the text encoder has no layers");
  constexpr int64_t groups = 32, unet_heads = 8, text_head = 64;
  for (const int64_t width : widths.unet)
    check(width % groups == 0 && width % unet_heads == 0, checkpoint.path(), ": a U-Net width of ", width,
          " is not a multiple of 32, as group normalisation needs");
  for (const int64_t width : widths.vae)
    check(width % groups == 0, checkpoint.path(), ": a VAE width of ", width,
          " is not a multiple of 32, as group normalisation needs");
  check(widths.text_width % text_head == 0, checkpoint.path(), ": the text encoder's width of ", widths.text_width,
        " is not a multiple of its head size, 64");
  return widths;
}

Sd1Config sd1_config(const Sd1Widths& widths) {
  Sd1Config config;
  config.text.width = widths.text_width;
  config.text.layers = widths.text_layers;
  config.unet.channels = widths.unet;
  config.unet.context_width = widths.text_width;
  config.vae.channels = widths.vae;
  return config;
}

std::shared_ptr<const Model> sd1_model(const Sd1Config& config) { return std::make_shared<Sd1Model>(config); }

}  // namespace rankine
