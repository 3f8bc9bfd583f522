#include "models/sdxl.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "graph/ops/ops.h"
#include "models/clip_text/open_clip_names.h"
#include "models/model.h"
#include "models/stable_diffusion.h"

namespace rankine {
namespace {

const DiffusersNames& names() {
  static const DiffusersNames names(BlockStructure::sdxl());
  return names;
}

constexpr std::string_view kTower2 = "conditioner.embedders.1.model.", kPart2 = "text_encoder_2.";

std::vector<std::string> canonical_names(const std::string& name, const TensorNames& /*all*/) {
  const std::string_view tower = "conditioner.embedders.0.transformer.";
  if (!name.starts_with(kTower2)) {
    const std::optional<std::string> canonical =
        names().to_canonical(name.starts_with(tower) ? with_text_model(name, tower.size()) : name);
    return canonical ? std::vector{*canonical} : std::vector<std::string>{};
  }
  std::vector<std::string> canonical = from_open_clip(std::string_view(name).substr(kTower2.size()));
  for (std::string& one : canonical) one.insert(0, kPart2);
  return canonical;
}

std::optional<std::string> single_file_name(std::string_view name) {
  if (!name.starts_with(kPart2)) return names().to_single_file(name);
  const std::optional<std::string> in_tower = to_open_clip(name.substr(kPart2.size()));
  return in_tower ? std::optional(concat_text(kTower2, *in_tower)) : std::nullopt;
}

/// Both towers are read below their last layer and without their final norm, whatever --clip_skip says.
class SdxlModel final : public Model {
 public:
  explicit SdxlModel(StableDiffusionConfig config)
      : Model(sdxl_family),
        config_(std::move(config)),
        tokenizer_(ClipTokenizerConfig::clip_l()),
        tokenizer_2_(ClipTokenizerConfig::clip_g()) {}

  CaptionTokens tokenize(const std::string& caption, int64_t chunks, bool weighted) const override {
    CaptionTokens tokens = tokenize_caption(tokenizer_, caption, chunks, weighted);
    const CaptionTokens second = tokenize_caption(tokenizer_2_, caption, chunks, weighted);
    tokens.ids.insert(tokens.ids.end(), second.ids.begin(), second.ids.end());
    return tokens;
  }
  PromptTokens tokenize_prompts(std::span<const std::string> prompts) const override {
    PromptTokens tokens = rankine::tokenize_prompts(tokenizer_, prompts);
    const PromptTokens second = rankine::tokenize_prompts(tokenizer_2_, prompts);
    const std::vector<int32_t> first_ids = std::exchange(tokens.ids, {});
    const auto size = static_cast<std::ptrdiff_t>(first_ids.size()) / std::max<int64_t>(tokens.prompts, 1);
    for (std::ptrdiff_t at = 0; at < std::ssize(first_ids); at += size)
      for (const std::vector<int32_t>* ids : {&first_ids, &second.ids})
        tokens.ids.insert(tokens.ids.end(), ids->begin() + at, ids->begin() + at + size);
    return tokens;
  }
  Shape ids_shape(int64_t chunks) const override { return {2, chunks, config_.text.positions}; }
  int64_t most_clip_skip() const override { return config_.text.layers; }

  std::vector<ConditionSpec> condition(const TextShape& text) const override {
    const int64_t tokens = clip_states(config_.text, text.chunks, text.whole_chunks);
    return {{.name = "context", .shape = {tokens, config_.unet.context_width}, .per_token = true},
            {.name = "pooled", .shape = {config_.text_2.width}}};
  }
  std::vector<Value> encode_text(Graph& graph, Value ids, const TextShape& text, int64_t /*clip_skip*/,
                                 DType compute) const override {
    const auto of_tower = [&](int64_t tower) {
      return reshape(slice(ids, 1, tower, tower + 1), {ids.dim(0), ids.dim(2), ids.dim(3)});
    };
    const Scope first(graph, "text_encoder"), second(graph, "text_encoder_2");
    first.enter();
    const Value ids_1 = of_tower(0), ids_2 = of_tower(1);
    const ClipTextConfig &c1 = config_.text, &c2 = config_.text_2;
    const Value x1 = clip_layers(first, c1, clip_embeddings(first, c1, ids_1, compute), 0, c1.layers - 1);
    const Value x2 = clip_layers(second, c2, clip_embeddings(second, c2, ids_2, compute), 0, c2.layers - 1);
    const Value pooled = clip_pooled(second, c2, clip_layers(second, c2, x2, c2.layers - 1, c2.layers), ids_2);
    const Value states = concat(
        {clip_context(x1, c1, text.chunks, text.whole_chunks), clip_context(x2, c2, text.chunks, text.whole_chunks)},
        -1);
    return {states, pooled};
  }
  std::optional<TextOutputWidths> text_output_widths() const override {
    return TextOutputWidths{config_.text.width, config_.text_2.width, config_.text_2.width};
  }
  bool reads_clip_skip() const override { return false; }
  bool reads_sizes() const override { return true; }
  Value denoise(Graph& graph, Value latents, Value timesteps, std::span<const Value> condition,
                Value sizes) const override {
    const Scope s(graph, "unet");
    (s / "add_embedding").enter();
    const int64_t n = sizes.dim(0), numbers = sizes.dim(1);
    const Value embedded = timestep_embedding(reshape(sizes, {n * numbers}), kSizeWidth);
    const Value vector =
        concat({condition[1], cast(reshape(embedded, {n, numbers * kSizeWidth}), condition[1].dtype())}, -1);
    return unet(s, config_.unet, latents, timesteps, condition[0], vector);
  }
  Value encode_image(Graph& graph, Value images) const override {
    return vae_encode({graph, "vae"}, config_.vae, images);
  }
  Value decode_latents(Graph& graph, Value latents) const override {
    return vae_decode({graph, "vae"}, config_.vae, latents);
  }

 private:
  static constexpr int64_t kSizeWidth = 256;  // of each size's embedding

  StableDiffusionConfig config_;
  ClipTokenizer tokenizer_, tokenizer_2_;
};

constexpr ModelPart kParts[] = {{"text_encoder", "lora_te1", Role::text_encoder},
                                {"text_encoder_2", "lora_te2", Role::text_encoder},
                                {"unet", "lora_unet", Role::denoiser}};

/// sd-scripts adapts SDXL's U-Net under the names of single files.
std::string path_in_files(std::string_view path) {
  const std::string_view unet = "unet.", in_file = "model.diffusion_model.";
  if (!path.starts_with(unet)) return std::string(path);
  const std::optional<std::string> name = names().to_single_file(path);
  if (!name || path == "unet.conv_in") return "";
  return concat_text(unet, std::string_view(*name).substr(in_file.size()));
}

constexpr std::string_view kWords[] = {
    // text encoders
    "text_model", "encoder", "layers", "self_attn", "k_proj", "v_proj", "q_proj", "out_proj", "mlp", "fc1", "fc2",
    // the U-Net's blocks, in their order
    "input_blocks", "middle_block", "output_blocks",
    // residual blocks and samplers
    "in_layers", "emb_layers", "out_layers", "skip_connection", "op", "conv",
    // attentions
    "proj_in", "transformer_blocks", "proj_out", "attn1", "ff", "attn2", "to_q", "to_k", "to_v", "to_out", "net",
    "proj"};
constexpr std::string_view kConvolutional[] = {"in_layers",       "emb_layers", "out_layers",
                                               "skip_connection", "op",         "conv"};

constexpr DenoiserBlocks blocks_with(int (*block_of)(std::string_view)) {
  return {.down = 9, .middle = 3, .up = 9, .edges = 1, .block_of = block_of};
}

/// The block as sd-scripts numbers them: 0 are the time's and label's layers (never adapted), then 1 to 9 input_blocks,
/// 10 to 12 in the middle, 13 to 21 output_blocks, 22 the end.
int block_of(std::string_view path) {
  constexpr DenoiserBlocks blocks = blocks_with(nullptr);
  const std::string in_files = path_in_files(path);
  for (const auto& [side, first] : {std::pair<std::string_view, int>{"unet.input_blocks.", blocks.edges},
                                    {"unet.middle_block.", blocks.edges + blocks.down},
                                    {"unet.output_blocks.", blocks.edges + blocks.down + blocks.middle}}) {
    int number = 0;
    if (!in_files.starts_with(side)) continue;
    const auto [end, error] = std::from_chars(in_files.data() + side.size(), in_files.data() + in_files.size(), number);
    if (error == std::errc()) return first + number;
  }
  fail("\"", path, "\" is in none of the U-Net's ", blocks.count(), " blocks");
}

std::shared_ptr<const Model> model_of(const ModelWidths& widths) {
  return std::make_shared<SdxlModel>(config_of(widths));
}

bool recognises(const TensorNames& tensors) {
  return (tensors.has(kSingleFileUNet) && tensors.has_prefix("conditioner.embedders.1.")) ||
         tensors.has("text_encoder_2.text_model.final_layer_norm.weight");
}

}  // namespace

constinit const Family sdxl_family = {
    .name = "SDXL",
    .script = "sdxl_train_network.py",
    .latents = {.channels = 4, .stride = 8, .bucket_step = 32, .scale = 0.13025f, .file_ending = "_sdxl.npz"},
    .adaptable = {.parts = kParts,
                  .words = kWords,
                  .convolutional = kConvolutional,
                  .blocks = blocks_with(block_of),
                  .path_in_files = path_in_files},
    .base_model_names = [](bool /*v_prediction*/) -> BaseModelNames {
      return {.base_model_version = "sdxl_base_v1-0",
              .architecture = "stable-diffusion-xl-v1-base",
              .implementation = "https://github.com/Stability-AI/generative-models",
              .resolution = {1024, 1024}};
    },
    .recognises = recognises,
    .canonical_names = canonical_names,
    .canonical_shape = stable_diffusion_shape,
    .single_file_name = single_file_name,
    .check_checkpoint = check_stable_diffusion,
    .check_vae = check_stable_diffusion_vae,
    .widths_text = widths_text,
    .open = [](const Checkpoint& checkpoint) { return model_of(read_widths(checkpoint)); },
    .usual =
        [] {
          return model_of({.unet = {320, 640, 1280},
                           .depths = {0, 2, 10},
                           .middle_depth = 10,
                           .text_2_width = 1280,
                           .text_2_layers = 32});
        },
};

}  // namespace rankine
