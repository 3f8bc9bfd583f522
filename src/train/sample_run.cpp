#include "train/sample_run.h"

#include <filesystem>
#include <ostream>
#include <random>

#include "backend/registry.h"
#include "base/timer.h"
#include "train/image_sampler.h"
#include "train/sample_files.h"

namespace rankine {
namespace {

/// One line a picture; on a terminal it is drawn again with each step.
class SamplingStatus {
 public:
  SamplingStatus(std::ostream& out, bool terminal, int pictures, int steps)
      : out_(out), terminal_(terminal), pictures_(pictures), steps_(steps) {}

  void begin(int picture) {
    picture_ = picture;
    timer_.restart();
    show(0);
  }
  void show(int step) {
    const bool done = step == steps_;
    if (!terminal_ && !done) return;
    if (terminal_) out_ << "\r\x1b[2K";
    out_ << "picture " << picture_ + 1 << "/" << pictures_ << "  step " << step << "/" << steps_;
    if (step > 0) out_ << "  " << speed_text(timer_.seconds() / step);
    if (done) out_ << '\n';
    out_ << std::flush;
  }

 private:
  std::ostream& out_;
  bool terminal_;
  int pictures_, steps_, picture_ = 0;
  Timer timer_;
};

std::vector<LoadedLora> read_loras(const SampleConfig& config, const Checkpoint& checkpoint) {
  if (config.network_weights.empty()) return {};
  const std::vector<LoraModule> adaptable = adaptable_modules(checkpoint);
  std::vector<WeightedLora> loras;
  for (size_t i = 0; i < config.network_weights.size(); ++i)
    loras.push_back({read_lora(config.network_weights[i], adaptable), config.strength(i)});
  return merge_loras(loras);
}

ImageRequest request_of(const SampleConfig& config, int64_t seed) {
  return {.prompt = config.prompt,
          .negative_prompt = config.negative_prompt,
          .sampler = config.sampler,
          .steps = config.steps,
          .scale = config.scale,
          .seed = static_cast<uint64_t>(seed),
          .width = config.width,
          .height = config.height};
}

}  // namespace

std::vector<std::string> sample_pictures(const SampleConfig& config, std::ostream& status,
                                         const Progress::Options& progress) {
  check_sample_config(config);
  const Checkpoint checkpoint = Checkpoint::open(*config.ckpt);
  ImageSamplerConfig settings;
  settings.compute = config.bf16 ? DType::bf16 : DType::f32;
  settings.clip_skip = config.clip_skip.value_or(1);
  settings.prediction = config.v_parameterization ? Prediction::v : Prediction::epsilon;
  ImageSampler sampler(find_backend("cpu"), checkpoint, settings, read_loras(config, checkpoint));

  std::error_code error;
  std::filesystem::create_directories(config.outdir, error);
  check(!error, config.outdir, ": cannot create the folder: ", error.message());
  const int64_t first_seed = config.seed ? *config.seed : static_cast<int64_t>(std::random_device()());

  std::vector<std::vector<float>> latents;
  SamplingStatus line(status, progress.terminal, config.images_per_prompt, config.steps);
  for (int i = 0; i < config.images_per_prompt; ++i) {
    line.begin(i);
    latents.push_back(sampler.latents(request_of(config, first_seed + i), [&](int step) {
      line.show(step);
      return true;
    }));
  }
  std::vector<std::string> files;
  for (int i = 0; i < config.images_per_prompt; ++i) {
    const int64_t seed = first_seed + i;
    const Image picture = sampler.picture(latents[static_cast<size_t>(i)], config.width, config.height);
    const std::string file = next_picture(config.outdir, seed).string();
    write_png(file, picture, {{"parameters", parameters_text(config, seed)}});
    files.push_back(file);
  }
  return files;
}

}  // namespace rankine
