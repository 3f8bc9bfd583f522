#include "step/picture_decoder.h"

#include <algorithm>
#include <cmath>

#include "graph/memory/plan.h"
#include "graph/memory/problem.h"

namespace rankine {

struct PictureDecoder::Program {
  Size picture;
  std::unique_ptr<Session> session;
  Graph graph;
  std::unique_ptr<Executable> executable;
};

PictureDecoder::PictureDecoder(const Backend& backend, ConstantSource& constants, AutoencoderSettings settings)
    : backend_(backend), constants_(constants), settings_(std::move(settings)) {}

PictureDecoder::~PictureDecoder() = default;

Image PictureDecoder::decode(std::span<const float> latents, Size picture) {
  const LatentSpace& space = settings_.model->latents();
  const Size size = space.of(picture);
  const int64_t count = space.channels * size.height * size.width;
  check(std::ssize(latents) == count, "a picture of ", picture.width, " x ", picture.height, " needs ", count,
        " latents, got ", latents.size());
  if (!program_ || program_->picture != picture) {
    program_.reset();
    program_ = std::make_unique<Program>();
    program_->picture = picture;
    program_->session = backend_.open(constants_);
    build_decoder_graph(program_->graph, settings_, backend_.device(), picture);
    program_->executable = program_->session->compile(program_->graph);
  }
  std::vector<float> unscaled(latents.begin(), latents.end());
  for (float& x : unscaled) x /= space.scale;
  program_->executable->set_input(kLatents, unscaled);
  program_->executable->run();
  std::vector<float> image(static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height) * 3);
  program_->executable->get_output(kPicture, image);
  return image_from(image, picture.width, picture.height);
}

MemoryUse PictureDecoder::memory() const { return program_ ? program_->session->memory() : MemoryUse{}; }

size_t PictureDecoder::bytes(const Backend& backend, const AutoencoderSettings& settings, Size picture) {
  Graph graph;
  build_decoder_graph(graph, settings, backend.device(), picture);
  const MemoryProblem problem = memory_problem(graph, backend.device());
  return plan_memory(graph).arena_bytes() + problem.first_form_bytes + problem.working;
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
