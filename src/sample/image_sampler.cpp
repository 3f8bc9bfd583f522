#include "sample/image_sampler.h"

#include "sample/prompt_states.h"
#include "step/guided_unet.h"

namespace rankine {

struct ImageSampler::UNet {
  StepShape shape;
  float guidance;
  std::unique_ptr<Session> session;
  std::unique_ptr<GuidedUNet> guided;
};

ImageSampler::ImageSampler(const Backend& backend, const Checkpoint& checkpoint, ImageSamplerConfig config,
                           std::vector<LoadedLora> lora)
    : backend_(backend),
      constants_(checkpoint),
      config_(std::move(config)),
      lora_(std::move(lora)),
      tokenizer_(ClipTokenizerConfig::clip_l()) {
  settings_.model = stable_diffusion_config(checkpoint);
  settings_.compute = config_.compute;
  settings_.clip_skip = config_.clip_skip;
  settings_.conv_algorithm = config_.conv_algorithm;
  settings_.device = &backend_.device();
  check(config_.clip_skip >= 1 && config_.clip_skip <= settings_.model.text.layers, "clip_skip must be 1 to ",
        settings_.model.text.layers, ", the text encoder's layers; got ", config_.clip_skip);
  for (const LoadedLora& module : lora_) settings_.layers.push_back(module.module);
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

ImageSampler::Context ImageSampler::encode(const std::string& negative_prompt, const std::string& prompt) {
  const std::string prompts[] = {negative_prompt, prompt};
  const PromptTokens tokens = tokenize_prompts(tokenizer_, prompts);
  const std::unique_ptr<Session> session = open_session(/*of_text_encoder=*/true);
  Graph graph;
  build_text_graph(graph, settings_, 2 * tokens.chunks, 1);
  const std::unique_ptr<Executable> executable = session->compile(graph);
  executable->set_input("ids", tokens.ids);
  executable->run();
  std::vector<float> states(static_cast<size_t>(graph.outputs().find("context")->second.type().count()));
  executable->get_output("context", states);
  return {.chunks = tokens.chunks,
          .negative = weighted_states(tokens, states, 0),
          .positive = weighted_states(tokens, states, 1)};
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

std::vector<float> ImageSampler::latents(const ImageRequest& request, const SamplingWatch& watch) {
  check_request(request);
  const auto key = std::pair(request.guided() ? request.negative_prompt : "", request.prompt);
  if (!contexts_.contains(key)) contexts_.emplace(key, encode(key.first, key.second));
  const Context& context = contexts_.at(key);
  const float guidance = request.guided() ? static_cast<float>(request.scale) : 1.0f;
  GuidedUNet& guided = *unet(request.shape(context.chunks), guidance).guided;
  guided.set_context(context.negative, context.positive);
  return denoise(guided, request, config_.prediction, watch);
}

Image ImageSampler::picture(std::span<const float> latents, int width, int height) {
  unet_.reset();
  if (!decoder_)
    decoder_ = std::make_unique<PictureDecoder>(backend_, constants_, settings_.model.vae, config_.compute,
                                                config_.conv_algorithm);
  return decoder_->decode(latents, width, height);
}

Image ImageSampler::sample(const ImageRequest& request, const SamplingWatch& watch) {
  const std::vector<float> numbers = latents(request, watch);
  return picture(numbers, request.width, request.height);
}

}  // namespace rankine
