#include "toys/toy_family.h"

#include "base/error.h"
#include "base/rng.h"
#include "graph/ops/ops.h"
#include "io/safetensors.h"
#include "models/blocks/layers.h"
#include "models/checkpoint/checkpoint.h"
#include "models/model.h"

namespace rankine::test {
namespace {

constexpr int64_t kLetters = 6, kBytes = 256, kChannels = 3, kStride = 4;

/// Text [chunks * 6] -> states of that many letters from the first encoder, and one state from the second.
class ToyModel final : public Model {
 public:
  ToyModel() : Model(toy_family) {}

  CaptionTokens tokenize(const std::string& caption, int64_t chunks, bool weighted) const override {
    CaptionTokens tokens;
    const auto length = static_cast<size_t>(chunks * kLetters);
    std::string letters = caption;
    letters.resize(length, ' ');
    for (int encoder = 0; encoder < 2; ++encoder)
      for (const char c : letters) tokens.ids.push_back(static_cast<unsigned char>(c));
    if (weighted) tokens.weights.assign(length, 1.0f);
    return tokens;
  }
  PromptTokens tokenize_prompts(std::span<const std::string> prompts) const override {
    PromptTokens tokens;
    tokens.prompts = std::ssize(prompts);
    for (const std::string& prompt : prompts) {
      const CaptionTokens one = tokenize(prompt, 1, true);
      tokens.ids.insert(tokens.ids.end(), one.ids.begin(), one.ids.end());
      tokens.weights.insert(tokens.weights.end(), one.weights.begin(), one.weights.end());
    }
    return tokens;
  }
  Shape ids_shape(int64_t chunks) const override { return {2, chunks, kLetters}; }
  int64_t most_clip_skip() const override { return 1; }

  std::vector<ConditionSpec> condition(const TextShape& text) const override {
    return {{.name = "letters", .shape = {text.chunks * kLetters, kChannels}, .per_token = true},
            {.name = "mood", .shape = {kChannels}}};
  }
  std::vector<Value> encode_text(Graph& graph, Value ids, const TextShape&, int64_t, DType compute) const override {
    const int64_t batch = ids.dim(0), length = ids.dim(2) * ids.dim(3);
    const auto read = [&](const char* part, int64_t encoder) {
      const Scope s(graph, part);
      const Value own = reshape(slice(ids, 1, encoder, encoder + 1), {batch, length});
      const Value table = (s / "letters").constant("weight", {{kBytes, kChannels}, compute});
      return linear(s / "proj", embedding(table, own), kChannels, /*bias=*/false);
    };
    const Value letters = read("reader", 0), mood = read("poet", 1);
    return {letters, reshape(slice(mood, 1, 0, 1), {batch, kChannels})};
  }
  Value denoise(Graph& graph, Value latents, Value timesteps, std::span<const Value> condition,
                Value /*sizes*/) const override {
    const int64_t batch = latents.dim(0);
    const Value first = slice(condition[0], 1, 0, 1);  // [N, 1, channels]
    const Value text = reshape(first, {batch, 1, 1, kChannels}) + reshape(condition[1], {batch, 1, 1, kChannels});
    const Value time = cast(slice(timestep_embedding(timesteps, kChannels + 1), 1, 0, kChannels), latents.dtype());
    const Value shift = text + reshape(time, {batch, 1, 1, kChannels});
    return linear(Scope(graph, "painter") / "out", latents + shift, kChannels, /*bias=*/false);
  }
  /// The first pixel of each square is its latent.
  Value encode_image(Graph&, Value images) const override {
    const int64_t n = images.dim(0), h = images.dim(1) / kStride, w = images.dim(2) / kStride;
    const Value rows = slice(reshape(images, {n, h, kStride, w * kStride * 3}), 2, 0, 1);
    const Value mean = reshape(slice(reshape(rows, {n, h, w, kStride * 3}), 3, 0, 3), {n, h, w, kChannels});
    return concat({mean, scale(mean, 0.0)}, -1);
  }
  Value decode_latents(Graph&, Value latents) const override {
    return upsample_nearest(latents, kStride * latents.dim(1), kStride * latents.dim(2));
  }
};

void check_checkpoint(const Checkpoint& checkpoint) {
  for (const auto& [name, shape] : ToyModel().tensors())
    check(checkpoint.shape(name) == shape, checkpoint.path(), ": ", name, " is not ", as_text(shape));
}

int block_of(std::string_view) { return 0; }

constexpr ModelPart kParts[] = {{"reader", "toy_reader", Role::text_encoder},
                                {"poet", "toy_poet", Role::text_encoder},
                                {"painter", "toy_painter", Role::denoiser}};
constexpr std::string_view kWords[] = {"proj", "out"};

}  // namespace

constinit const Family toy_family = {
    .name = "Toy",
    .script = "toy_train_network.py",
    .latents = {.channels = kChannels, .stride = kStride, .bucket_step = 4, .scale = 0.5f, .file_ending = "_toy.npz"},
    .adaptable = {.parts = kParts, .words = kWords, .convolutional = {}, .blocks = {.down = 1, .block_of = block_of}},
    .base_model_names = [](bool) -> BaseModelNames {
      return {
          .base_model_version = "toy_v1", .architecture = "toy-v1", .implementation = "tests", .resolution = {64, 64}};
    },
    .recognises = [](const TensorNames& tensors) { return tensors.has("painter.out.weight"); },
    .canonical_names = [](const std::string& name, const TensorNames&) { return std::vector{name}; },
    .single_file_name = [](std::string_view name) { return std::optional(std::string(name)); },
    .check_checkpoint = check_checkpoint,
    .open = [](const Checkpoint&) -> std::shared_ptr<const Model> { return std::make_shared<ToyModel>(); },
    .usual = []() -> std::shared_ptr<const Model> { return std::make_shared<ToyModel>(); },
};

void write_toy_checkpoint(const std::string& path) {
  const std::vector<NamedShape> shapes = ToyModel().tensors();
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;
  Rng rng(1, purpose::noise);
  for (const auto& [name, shape] : shapes) {
    values.emplace_back(static_cast<size_t>(count_of(shape)));
    rng.fill_normal(values.back());
  }
  for (size_t i = 0; i < shapes.size(); ++i)
    tensors.push_back({shapes[i].name, DType::f32, shapes[i].shape, std::as_bytes(std::span(values[i]))});
  write_safetensors(path, tensors, {});
}

}  // namespace rankine::test
