#include "step/autoencoder_graph.h"

#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

namespace rankine {
namespace {

void compile_for(Graph& graph, const AutoencoderSettings& settings, const DeviceModel& device) {
  Target target;
  target.device = &device;
  target.conv_algorithm = settings.conv_algorithm;
  compile(graph, target);
}

}  // namespace

void build_encoder_graph(Graph& graph, const AutoencoderSettings& settings, const DeviceModel& device, Size picture) {
  const Value image = graph.input(kImage, {{1, picture.height, picture.width, 3}, DType::f32});
  const Value moments = settings.model->encode_image(graph, cast(image, settings.compute));
  graph.output(kMoments, cast(moments, DType::f32));
  compile_for(graph, settings, device);
}

void build_decoder_graph(Graph& graph, const AutoencoderSettings& settings, const DeviceModel& device, Size picture) {
  const LatentSpace& space = settings.model->latents();
  const Size size = space.of(picture);
  const Value latents = graph.input(kLatents, {{1, size.height, size.width, space.channels}, DType::f32});
  graph.output(kPicture, cast(settings.model->decode_latents(graph, cast(latents, settings.compute)), DType::f32));
  compile_for(graph, settings, device);
}

}  // namespace rankine
