#include "sample/sample_run.h"

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <random>

#include "base/log.h"
#include "base/timer.h"
#include "io/folder.h"
#include "network/adapter_file.h"
#include "sample/image_sampler.h"
#include "sample/sample_files.h"

namespace rankine {
namespace {

/// One line per picture; on a terminal it is redrawn at each step.
class SamplingStatus {
 public:
  SamplingStatus(std::ostream& out, bool terminal, size_t pictures)
      : out_(out), terminal_(terminal), pictures_(pictures) {}

  void begin(size_t picture) {
    picture_ = picture;
    timer_.restart();
  }
  void show(int call, int calls) {
    const bool done = call == calls;
    if (!terminal_ && !done) return;
    if (terminal_) out_ << "\r\x1b[2K";
    out_ << "picture " << picture_ + 1 << "/" << pictures_ << "  step " << call << "/" << calls << "  "
         << speed_text(timer_.seconds() / call);
    if (done) out_ << '\n';
    out_ << std::flush;
  }

 private:
  std::ostream& out_;
  bool terminal_;
  size_t pictures_, picture_ = 0;
  Timer timer_;
};

std::vector<WeightedAdapter> read_adapters(const SampleConfig& config, const Checkpoint& checkpoint) {
  if (config.network_weights.empty()) return {};
  const std::vector<AdaptedLayer> adaptable = adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable);
  std::vector<WeightedAdapter> adapters;
  for (size_t i = 0; i < config.network_weights.size(); ++i) {
    adapters.push_back({read_adapter(config.network_weights[i], adaptable), config.strength(i)});
    for (const std::string& note : adapters.back().weights.notes) log::warning(note);
  }
  return adapters;
}

/// Every requested picture, in order. Seeds count up from the first one, unless a prompt has its own.
std::vector<ImageRequest> requests_of(const SampleConfig& config, const LatentSpace& space) {
  const ImageRequest defaults = {.prompt = config.prompt,
                                 .negative_prompt = config.negative_prompt,
                                 .sampler = config.sampler,
                                 .steps = config.steps,
                                 .scale = config.scale,
                                 .width = config.width,
                                 .height = config.height};
  std::vector<SamplePrompt> prompts;
  check_request(defaults, space);
  if (config.from_file) prompts = read_sample_prompts(*config.from_file);
  uint64_t next_seed = config.seed ? static_cast<uint64_t>(*config.seed) : std::random_device()();
  std::vector<ImageRequest> requests;
  for (size_t p = 0; p < std::max<size_t>(prompts.size(), 1); ++p) {
    ImageRequest request = prompts.empty() ? defaults : request_of(prompts[p], defaults, space);
    std::optional<int64_t> own_seed;
    if (!prompts.empty()) own_seed = prompts[p].seed;
    for (int i = 0; i < config.images_per_prompt; ++i) {
      request.seed = own_seed ? static_cast<uint64_t>(*own_seed + i) : next_seed++;
      requests.push_back(request);
    }
  }
  return requests;
}

}  // namespace

SamplePlan plan_sample(const SampleConfig& config, const Backend& backend) {
  check_sample_config(config);
  Checkpoint checkpoint = Checkpoint::open(*config.ckpt);
  std::vector<ImageRequest> requests = requests_of(config, checkpoint.family().latents);
  check_folder(config.outdir, "--outdir");
  ImageSamplerConfig settings;
  settings.compute = config.bf16 ? DType::bf16 : config.fp16 ? DType::f16 : DType::f32;
  settings.clip_skip = config.clip_skip.value_or(1);
  settings.prediction = config.v_parameterization ? Prediction::v : Prediction::epsilon;
  return {config, &backend, std::move(checkpoint), std::move(settings), std::move(requests)};
}

std::vector<std::string> sample_pictures(SamplePlan&& plan, std::ostream& status, const Progress::Options& progress) {
  const SampleConfig& config = plan.config;
  const std::vector<ImageRequest>& requests = plan.requests;
  ImageSampler sampler(*plan.backend, plan.checkpoint, plan.settings, read_adapters(config, plan.checkpoint));

  std::error_code error;
  std::filesystem::create_directories(config.outdir, error);
  check(!error, config.outdir, ": cannot create the folder: ", error.message());

  std::vector<std::vector<float>> latents;
  SamplingStatus line(status, progress.terminal, requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    line.begin(i);
    latents.push_back(sampler.latents(requests[i], [&](int call, int calls) {
      line.show(call, calls);
      return true;
    }));
  }
  std::vector<std::string> files;
  for (size_t i = 0; i < requests.size(); ++i) {
    const ImageRequest& request = requests[i];
    const Image picture = sampler.picture(latents[i], request.width, request.height);
    const std::string file = next_picture(config.outdir, static_cast<int64_t>(request.seed)).string();
    const std::string parameters =
        parameters_text(request, lora_tags(config), model_name(*config.ckpt), config.clip_skip.value_or(1));
    write_png(file, picture, {{"parameters", parameters}});
    files.push_back(file);
  }
  return files;
}

}  // namespace rankine
