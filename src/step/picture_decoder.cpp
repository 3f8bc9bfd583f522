#include "step/picture_decoder.h"

#include <algorithm>
#include <cmath>

#include "graph/memory/plan.h"
#include "graph/memory/problem.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

namespace rankine {
namespace {

Shape latent_shape(const LatentSpace& space, int width, int height) {
  const Size size = space.of({width, height});
  return {1, size.height, size.width, space.channels};
}

void build_decoder_graph(Graph& graph, const DeviceModel& device, const Model& model, DType compute,
                         const std::string& conv_algorithm, int width, int height) {
  const Value input = graph.input("latents", {latent_shape(model.latents(), width, height), DType::f32});
  const Value image = model.decode_latents(graph, cast(input, compute));
  graph.output("image", cast(image, DType::f32));
  Target target;
  target.device = &device;
  target.conv_algorithm = conv_algorithm;
  compile(graph, target);
}

}  // namespace

struct PictureDecoder::Program {
  int width = 0, height = 0;
  std::unique_ptr<Session> session;
  Graph graph;
  std::unique_ptr<Executable> executable;
};

PictureDecoder::PictureDecoder(const Backend& backend, ConstantSource& constants, std::shared_ptr<const Model> model,
                               DType compute, std::string conv_algorithm)
    : backend_(backend),
      constants_(constants),
      model_(std::move(model)),
      compute_(compute),
      conv_algorithm_(std::move(conv_algorithm)) {}

PictureDecoder::~PictureDecoder() = default;

Image PictureDecoder::decode(std::span<const float> latents, int width, int height) {
  const int64_t count = count_of(latent_shape(model_->latents(), width, height));
  check(static_cast<int64_t>(latents.size()) == count, "a picture of ", width, " x ", height, " needs ", count,
        " latents, got ", latents.size());
  if (!program_ || program_->width != width || program_->height != height) {
    program_.reset();
    program_ = std::make_unique<Program>();
    program_->width = width;
    program_->height = height;
    program_->session = backend_.open(constants_);
    build_decoder_graph(program_->graph, backend_.device(), *model_, compute_, conv_algorithm_, width, height);
    program_->executable = program_->session->compile(program_->graph);
  }
  std::vector<float> unscaled(latents.begin(), latents.end());
  for (float& x : unscaled) x /= model_->latents().scale;
  program_->executable->set_input("latents", unscaled);
  program_->executable->run();
  std::vector<float> image(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  program_->executable->get_output("image", image);
  return image_from(image, width, height);
}

MemoryUse PictureDecoder::memory() const { return program_ ? program_->session->memory() : MemoryUse{}; }

size_t PictureDecoder::bytes(const Backend& backend, const Model& model, DType compute,
                             const std::string& conv_algorithm, int width, int height) {
  Graph graph;
  build_decoder_graph(graph, backend.device(), model, compute, conv_algorithm, width, height);
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
