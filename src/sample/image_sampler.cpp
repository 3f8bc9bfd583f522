#include "sample/image_sampler.h"

#include "sample/prompt_states.h"
#include "step/guided_denoiser.h"

namespace rankine {

struct ImageSampler::Denoiser {
  StepShape shape;
  float guidance;
  std::unique_ptr<Session> session;
  std::unique_ptr<GuidedDenoiser> guided;
};

namespace {

/// The kind that all adapters have and that can make one of them; else null.
const AdapterKind* summed_kind(std::span<const WeightedAdapter> adapters) {
  const AdapterKind* kind = adapters.empty() ? nullptr : adapters.front().weights.kind;
  for (const WeightedAdapter& adapter : adapters)
    if (adapter.weights.kind != kind) return nullptr;
  return kind && kind->sum ? kind : nullptr;
}

}  // namespace

ImageSampler::ImageSampler(const Backend& backend, const Checkpoint& checkpoint, ImageSamplerConfig config,
                           std::vector<WeightedAdapter> adapters)
    : backend_(backend),
      checkpoint_constants_(checkpoint),
      config_(std::move(config)),
      adapter_(summed_kind(adapters) ? summed_kind(adapters)->sum(adapters) : std::vector<LayerWeights>{}),
      constants_(checkpoint_constants_, summed_kind(adapters) ? std::vector<WeightedAdapter>{} : adapters) {
  settings_.model = open_model(checkpoint);
  settings_.compute = config_.compute;
  settings_.clip_skip = config_.clip_skip;
  settings_.conv_algorithm = config_.conv_algorithm;
  settings_.device = &backend_.device();
  const int64_t layers = settings_.model->most_clip_skip();
  check(config_.clip_skip >= 1 && config_.clip_skip <= layers, "clip_skip must be 1 to ", layers,
        ", the text encoder's layers; got ", config_.clip_skip);
  if (const AdapterKind* kind = summed_kind(adapters)) settings_.adapter = kind;
  for (const LayerWeights& weights : adapter_) settings_.layers.push_back(weights.layer);
}

ImageSampler::~ImageSampler() = default;

std::unique_ptr<Session> ImageSampler::open_session(bool of_text_encoder) {
  std::unique_ptr<Session> session = backend_.open(constants_);
  for (const LayerWeights& weights : adapter_) {
    if (weights.layer.in_text_encoder() != of_text_encoder) continue;
    const std::vector<AdapterTensor> tensors = settings_.adapter->tensors(weights.layer);
    for (size_t i = 0; i < tensors.size(); ++i)
      session->write_variable(tensor_name(weights.layer, tensors[i]), weights.tensors[i]);
  }
  return session;
}

ImageSampler::Context ImageSampler::encode(const std::string& negative_prompt, const std::string& prompt) {
  const std::string prompts[] = {negative_prompt, prompt};
  const PromptTokens tokens = settings_.model->tokenize_prompts(prompts);
  const TextShape text{tokens.chunks, /*whole_chunks=*/true};
  const std::vector<ConditionSpec> specs = settings_.model->condition(text);
  const std::unique_ptr<Session> session = open_session(/*of_text_encoder=*/true);
  Graph graph;
  build_text_graph(graph, settings_, tokens.prompts, text);
  const std::unique_ptr<Executable> executable = session->compile(graph);
  executable->set_input(kIds, tokens.ids);
  executable->run();
  const ConditionNumbers states = read_condition(*executable, specs, tokens.prompts);
  return {.chunks = tokens.chunks,
          .negative = weighted_condition(tokens, specs, states, 0),
          .positive = weighted_condition(tokens, specs, states, 1)};
}

ImageSampler::Denoiser& ImageSampler::denoiser(const StepShape& shape, float guidance) {
  if (denoiser_ && denoiser_->guided && denoiser_->shape == shape && denoiser_->guidance == guidance) return *denoiser_;
  decoder_.reset();
  if (!denoiser_) {
    denoiser_ = std::make_unique<Denoiser>();
    denoiser_->session = open_session(/*of_text_encoder=*/false);
  }
  denoiser_->guided.reset();
  denoiser_->shape = shape;
  denoiser_->guidance = guidance;
  denoiser_->guided = std::make_unique<GuidedDenoiser>(*denoiser_->session, settings_, shape, guidance);
  return *denoiser_;
}

std::vector<float> ImageSampler::latents(const ImageRequest& request, const SamplingWatch& watch) {
  check_request(request, settings_.model->latents());
  const auto key = std::pair(request.guided() ? request.negative_prompt : "", request.prompt);
  if (!contexts_.contains(key)) contexts_.emplace(key, encode(key.first, key.second));
  const Context& context = contexts_.at(key);
  const float guidance = request.guided() ? static_cast<float>(request.scale) : 1.0f;
  GuidedDenoiser& guided = *denoiser(request.shape(settings_.model->latents(), context.chunks), guidance).guided;
  guided.set_condition(context.negative, context.positive);
  return denoise(guided, request, settings_.model->latents(), config_.prediction, watch);
}

Image ImageSampler::picture(std::span<const float> latents, int width, int height) {
  denoiser_.reset();
  if (!decoder_)
    decoder_ = std::make_unique<PictureDecoder>(
        backend_, constants_,
        AutoencoderSettings{settings_.model, autoencoder_type(config_.compute), config_.conv_algorithm});
  return decoder_->decode(latents, {width, height});
}

Image ImageSampler::sample(const ImageRequest& request, const SamplingWatch& watch) {
  const std::vector<float> numbers = latents(request, watch);
  return picture(numbers, request.width, request.height);
}

}  // namespace rankine
