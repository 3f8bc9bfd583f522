#include "sample/previews.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <random>
#include <set>

#include "graph/memory/plan.h"
#include "io/image.h"
#include "sample/sample_files.h"
#include "step/picture_decoder.h"

namespace rankine {
namespace {

std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &parts)};
}

float guidance_of(const ImageRequest& request) { return request.guided() ? static_cast<float>(request.scale) : 1.0f; }

std::vector<SamplePrompt> prompts_of(const PreviewConfig& config) {
  if (config.prompt_lines) return parse_prompt_lines(config.prompt_lines->text, config.prompt_lines->where);
  check(config.sample_prompts.has_value(),
        "--sample_every_n_steps, --sample_every_n_epochs and --sample_at_first need a file of --sample_prompts");
  if (config.sample_prompts->empty()) return {};
  return read_prompt_file(*config.sample_prompts);
}

}  // namespace

std::vector<Preview> read_previews(const PreviewConfig& config, const Model& model) {
  if (!config.wanted()) return {};
  const ImageRequest defaults = {.prompt = "", .negative_prompt = "", .sampler = config.sample_sampler, .steps = 30};
  std::vector<Preview> previews;
  for (const SamplePrompt& prompt : prompts_of(config)) {
    const ImageRequest request = request_of(prompt, defaults, model.latents());
    try {
      const std::string both[] = {request.negative_prompt, request.prompt};
      model.tokenize_prompts(both);
    } catch (const Error& error) {
      fail(prompt.where, ": ", error.what());
    }
    previews.push_back({request, prompt.seed});
  }
  return previews;
}

std::string preview_file(const PreviewFiles& files, int64_t step, std::optional<int64_t> epoch, size_t index,
                         const std::string& time, std::optional<int64_t> seed) {
  std::array<char, 64> numbers;
  std::snprintf(numbers.data(), numbers.size(), "%s%06lld_%02zu_", epoch ? "e" : "",
                static_cast<long long>(epoch.value_or(step)), index);
  const std::string name = concat_text(files.name ? *files.name + "_" : "", numbers.data(), time,
                                       seed ? concat_text("_", *seed) : "", ".png");
  return (std::filesystem::path(files.folder) / name).string();
}

PreviewMaker::PreviewMaker(const Parts& parts, std::vector<Preview> previews)
    : parts_(parts), previews_(std::move(previews)) {
  if (parts_.trainer.settings().train_text_encoder) return;
  for (const Preview& preview : previews_) contexts_.push_back(encode(preview.request));
}

bool PreviewMaker::due(int64_t step, std::optional<int64_t> epoch) const {
  const PreviewConfig& c = parts_.config;
  if (step == 0) return c.sample_at_first;
  const int64_t every_epochs = c.sample_every_n_epochs.value_or(0), every_steps = c.sample_every_n_steps.value_or(0);
  if (every_epochs > 0) return epoch && *epoch % every_epochs == 0;
  return every_steps > 0 && step % every_steps == 0;
}

int64_t PreviewMaker::times_due(int64_t done, int64_t steps, int64_t steps_per_epoch) const {
  int64_t times = done == 0 && due(0, {}) ? 1 : 0;
  for (int64_t step = done + 1; step <= steps; ++step) {
    const bool ends = step % steps_per_epoch == 0;
    times += due(step, ends ? std::optional(step / steps_per_epoch) : std::nullopt) ? 1 : 0;
  }
  return times;
}

PreviewMaker::Context PreviewMaker::encode(const ImageRequest& request) const {
  const std::string prompts[] = {request.guided() ? request.negative_prompt : "", request.prompt};
  const Model& model = *parts_.trainer.settings().model;
  const PromptTokens tokens = model.tokenize_prompts(prompts);
  const std::vector<ConditionSpec> specs = model.condition({tokens.chunks, /*whole_chunks=*/true});
  const ConditionNumbers states = parts_.trainer.text_states(tokens);
  return {.chunks = tokens.chunks,
          .negative = weighted_condition(tokens, specs, states, 0),
          .positive = weighted_condition(tokens, specs, states, 1)};
}

std::vector<std::string> PreviewMaker::make(int64_t step, std::optional<int64_t> epoch,
                                            const std::function<bool()>& stop) {
  const LatentSpace& space = parts_.trainer.settings().model->latents();
  std::vector<ImageRequest> requests;
  std::vector<std::vector<float>> latents;
  {
    const EvaluationWeightsScope weights(parts_.trainer, parts_.saved);
    std::unique_ptr<GuidedDenoiser> denoiser;
    std::pair<StepShape, float> built;
    for (const Preview& preview : previews_) {
      ImageRequest request = preview.request;
      request.seed = preview.seed ? static_cast<uint64_t>(*preview.seed) : std::random_device()();
      const Context context = contexts_.empty() ? encode(request) : contexts_[requests.size()];
      const std::pair wanted(request.shape(space, context.chunks), guidance_of(request));
      if (!denoiser || built != wanted) {
        denoiser.reset();
        denoiser = parts_.trainer.guided_denoiser(wanted.first, wanted.second);
        built = wanted;
      }
      denoiser->set_condition(context.negative, context.positive);
      bool stopped = stop();
      latents.push_back(denoise(*denoiser, request, space, parts_.prediction,
                                [&](int, int) { return !(stopped = stopped || stop()); }));
      if (stopped) return {};
      requests.push_back(request);
    }
  }
  parts_.trainer.release_scratch();  // the decoder takes the step's memory

  make_picture_folder(folder());
  const StepSettings& settings = parts_.trainer.settings();
  PictureDecoder decoder(parts_.backend, parts_.constants, parts_.autoencoder);
  const std::string time = local_time();
  std::vector<std::string> files;
  for (size_t i = 0; i < requests.size(); ++i) {
    const ImageRequest& r = requests[i];
    files.push_back(preview_file(parts_.files, step, epoch, i, time, previews_[i].seed));
    write_png(files.back(), decoder.decode(latents[i], {r.width, r.height}),
              {{"parameters", parameters_text(r, "", parts_.model, static_cast<int>(settings.clip_skip))}});
  }
  return files;
}

size_t PreviewMaker::more_bytes() const {
  const StepSettings& settings = parts_.trainer.settings();
  const MemoryUse step = parts_.trainer.memory();
  const size_t freed = step.arena + step.scratch;  // while no step runs
  size_t most = freed;
  std::set<StepShape> seen;
  for (const Preview& preview : previews_) {
    const ImageRequest& r = preview.request;
    StepShape shape = r.shape(settings.model->latents(), 1);  // longer prompts add little
    shape.batch = r.guided() ? 2 : 1;
    if (!seen.insert(shape).second) continue;
    Graph graph;
    build_denoiser_graph(graph, settings, shape);
    most = std::max({most, plan_memory(graph).arena_bytes() + step.scratch,
                     PictureDecoder::bytes(parts_.backend, parts_.autoencoder, {r.width, r.height})});
  }
  return most - freed;
}

}  // namespace rankine
