#include "step/latent_encoder.h"

#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"

namespace rankine {

struct LatentEncoder::Program {
  Graph graph;
  std::unique_ptr<Executable> executable;
  std::vector<float> moments;
};

LatentEncoder::LatentEncoder(const Backend& backend, ConstantSource& constants, AutoencoderSettings settings)
    : settings_(std::move(settings)), device_(backend.device()), session_(backend.open(constants)) {}

LatentEncoder::~LatentEncoder() = default;

LatentEncoder::Program& LatentEncoder::program(Size size) {
  std::unique_ptr<Program>& program = programs_[size];
  if (program) return *program;
  program = std::make_unique<Program>();
  build_encoder_graph(program->graph, settings_, device_, size);
  program->moments.resize(static_cast<size_t>(program->graph.outputs().at(std::string(kMoments)).type().count()));
  program->executable = session_->compile(program->graph);
  return *program;
}

void LatentEncoder::prepare(Size size) { program(size); }

const std::vector<float>& LatentEncoder::encode(Size size, std::span<const float> image) {
  Program& p = program(size);
  p.executable->set_input(kImage, image);
  p.executable->run();
  p.executable->get_output(kMoments, p.moments);
  return p.moments;
}

std::vector<NodeTime> LatentEncoder::profile(Size size, std::span<const float> image) {
  Executable& executable = *program(size).executable;
  executable.set_input(kImage, image);
  return executable.profile();
}

std::vector<float> sample_latents(std::span<const float> moments, std::span<const float> noise,
                                  int64_t channels_of_latent, const std::string& file) {
  const auto channels = static_cast<size_t>(channels_of_latent);
  std::vector<float> latents(noise.size());
  for (size_t i = 0; i < latents.size(); ++i) {
    const size_t mean = i / channels * 2 * channels + i % channels;
    const float logvar = std::clamp(moments[mean + channels], -30.0f, 20.0f);
    latents[i] = moments[mean] + std::exp(0.5f * logvar) * noise[i];
    check(std::isfinite(latents[i]), file, ": its latents are not finite: the autoencoder's weights or the ",
          "picture are damaged: try another checkpoint, or --vae");
  }
  return latents;
}

}  // namespace rankine
