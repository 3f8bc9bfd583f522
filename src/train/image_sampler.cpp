#include "train/image_sampler.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/rng.h"
#include "diffusion/sampler.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "train/sample_unet.h"

namespace rankine {
namespace {

constexpr int kPixelsOfLatent = 8, kLatentChannels = 4;
constexpr int64_t kChunkTokens = 75, kMostChunks = 3;

void check_request(const ImageRequest& r) {
  for (const auto& [name, pixels] : {std::pair{"width", r.width}, {"height", r.height}})
    check(pixels >= kPixelsOfLatent && pixels % kPixelsOfLatent == 0, "a picture's ", name,
          " must be a multiple of 8, got ", pixels);
}

/// The random numbers of a picture; `draw` 0 is its start, the others are for samplers that add noise at every step.
void fill_noise(uint64_t seed, uint32_t draw, std::span<float> noise) {
  Rng(seed, purpose::sample, 0, draw).fill_normal(noise);
}

}  // namespace

std::vector<LoraModule> adaptable_modules(const Checkpoint& checkpoint) {
  std::vector<ModelWeight> weights;
  for (const std::string& name : checkpoint.names()) weights.push_back({name, checkpoint.shape(name)});
  LoraTargets targets;
  targets.conv_dim = 1;  // any rank will do: files bring their own
  return lora_modules(weights, targets);
}

struct ImageSampler::UNet {
  StepShape shape;
  float guidance;
  std::unique_ptr<Session> session;
  std::unique_ptr<GuidedUNet> guided;
};

struct ImageSampler::Decoder {
  std::unique_ptr<Session> session;
  Graph graph;
  std::unique_ptr<Executable> executable;
  int width = 0, height = 0;
};

ImageSampler::ImageSampler(const Backend& backend, const Checkpoint& checkpoint, ImageSamplerConfig config,
                           std::vector<LoadedLora> lora)
    : backend_(backend),
      constants_(checkpoint),
      config_(config),
      lora_(std::move(lora)),
      tokenizer_(ClipTokenizerConfig::clip_l()) {
  settings_.model = stable_diffusion_config(checkpoint);
  settings_.compute = config_.compute;
  settings_.clip_skip = config_.clip_skip;
  check(config_.clip_skip >= 1 && config_.clip_skip <= settings_.model.text.layers, "clip_skip must be 1 to ",
        settings_.model.text.layers, ", the text encoder's layers; got ", config_.clip_skip);
  for (const LoadedLora& module : lora_) settings_.modules.push_back(module.module);
}

ImageSampler::~ImageSampler() = default;

std::unique_ptr<Session> ImageSampler::open_session(bool of_text_encoder) {
  std::unique_ptr<Session> session = backend_.open(constants_);
  for (const LoadedLora& lora : lora_) {
    if (lora.module.in_text_encoder() != of_text_encoder) continue;
    session->write_variable(lora.module.key + ".lora_down.weight", lora.down);
    session->write_variable(lora.module.key + ".lora_up.weight", lora.up);
  }
  return session;
}

ImageSampler::Context ImageSampler::encode(const ImageRequest& request) {
  Context context;
  size_t longest = 0;
  for (const std::string& text : {request.negative_prompt, request.prompt})
    longest = std::max(longest, tokenizer_.encode(text).size());
  if (longest > kChunkTokens * kMostChunks)
    log::warning("a prompt has ", longest, " tokens; those after ", kChunkTokens * kMostChunks, " are cut off");
  context.chunks =
      std::clamp((static_cast<int64_t>(longest) + kChunkTokens - 1) / kChunkTokens, int64_t{1}, kMostChunks);

  std::vector<int32_t> ids;
  for (const std::string& text : {request.negative_prompt, request.prompt})
    for (const auto& chunk : tokenizer_.tokenize(text, static_cast<int>(kChunkTokens * context.chunks)).ids)
      ids.insert(ids.end(), chunk.begin(), chunk.end());

  const std::unique_ptr<Session> session = open_session(/*of_text_encoder=*/true);
  Graph graph;
  build_text_graph(graph, settings_, 2, context.chunks);
  const std::unique_ptr<Executable> executable = session->compile(graph);
  executable->set_input("ids", ids);
  executable->run();
  std::vector<float> states(static_cast<size_t>(graph.outputs().find("context")->second.type().count()));
  executable->get_output("context", states);
  const auto middle = states.begin() + static_cast<std::ptrdiff_t>(states.size() / 2);
  context.negative.assign(states.begin(), middle);
  context.positive.assign(middle, states.end());
  return context;
}

ImageSampler::UNet& ImageSampler::unet(const StepShape& shape, float guidance) {
  if (unet_ && unet_->guided && unet_->shape == shape && unet_->guidance == guidance) return *unet_;
  decoder_.reset();
  if (!unet_) {
    unet_ = std::make_unique<UNet>();
    unet_->session = open_session(/*of_text_encoder=*/false);
  }
  unet_->guided.reset();
  unet_->shape = shape;
  unet_->guidance = guidance;
  unet_->guided = std::make_unique<GuidedUNet>(*unet_->session, settings_, shape, guidance);
  return *unet_;
}

std::vector<float> ImageSampler::latents(const ImageRequest& request, const Watch& watch) {
  check_request(request);
  const std::unique_ptr<Sampler> sampler =
      make_sampler(request.sampler, {.steps = request.steps, .prediction = config_.prediction}, make_noise_schedule());
  const auto key = std::pair(request.negative_prompt, request.prompt);
  if (!contexts_.contains(key)) contexts_.emplace(key, encode(request));
  const Context& context = contexts_.at(key);

  StepShape shape;
  shape.height = request.height / kPixelsOfLatent;
  shape.width = request.width / kPixelsOfLatent;
  shape.chunks = context.chunks;
  GuidedUNet& guided = *unet(shape, static_cast<float>(request.scale)).guided;
  guided.set_context(context.negative, context.positive);

  std::vector<float> noise(static_cast<size_t>(shape.height * shape.width * kLatentChannels));
  fill_noise(request.seed, 0, noise);
  return run_sampler(
      *sampler, noise,
      [&](std::span<const float> scaled, float timestep, std::span<float> out) {
        guided.predict(scaled, timestep, out);
      },
      [&](size_t step, std::span<float> out) { fill_noise(request.seed, static_cast<uint32_t>(step) + 1, out); },
      [&](size_t step, std::span<const float> now) {
        const bool finite = std::all_of(now.begin(), now.end(), [](float x) { return std::isfinite(x); });
        check(finite, "sampling step ", step + 1, ": the latents are not finite: try ",
              config_.compute == DType::f32 ? "a smaller strength of the LoRAs, or less guidance" : "it without bf16");
        return !watch || watch(static_cast<int>(step) + 1);
      });
}

Image ImageSampler::picture(std::span<const float> latents, int width, int height) {
  const Shape shape = {1, height / kPixelsOfLatent, width / kPixelsOfLatent, kLatentChannels};
  check(static_cast<int64_t>(latents.size()) == count_of(shape), "a picture of ", width, " x ", height, " needs ",
        count_of(shape), " latents, got ", latents.size());
  unet_.reset();
  if (!decoder_ || decoder_->width != width || decoder_->height != height) {
    decoder_ = std::make_unique<Decoder>();
    decoder_->session = backend_.open(constants_);
    Graph& graph = decoder_->graph;
    const Value input = graph.input("latents", {shape, DType::f32});
    const Value image = vae_decode({graph, "vae"}, settings_.model.vae, cast(input, config_.compute));
    graph.output("image", cast(image, DType::f32));
    compile(graph, {});
    decoder_->executable = decoder_->session->compile(graph);
    decoder_->width = width;
    decoder_->height = height;
  }
  std::vector<float> unscaled(latents.begin(), latents.end());
  for (float& x : unscaled) x /= kVaeScale;
  decoder_->executable->set_input("latents", unscaled);
  decoder_->executable->run();
  std::vector<float> image(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  decoder_->executable->get_output("image", image);
  return image_from(image, width, height);
}

Image ImageSampler::sample(const ImageRequest& request, const Watch& watch) {
  const std::vector<float> numbers = latents(request, watch);
  return picture(numbers, request.width, request.height);
}

Image image_from(std::span<const float> values, int width, int height) {
  Image image{.width = width, .height = height, .channels = 3};
  image.pixels.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    check(std::isfinite(values[i]), "the picture has a value that is not finite: the autoencoder overflows on it");
    image.pixels[i] = static_cast<uint8_t>(std::lround(std::clamp(values[i] * 0.5f + 0.5f, 0.0f, 1.0f) * 255.0f));
  }
  return image;
}

}  // namespace rankine
