#pragma once
#include <memory>
#include <string>

#include "base/size.h"
#include "graph/memory/device_model.h"
#include "models/model.h"

namespace rankine {

/// The type in which the autoencoder is computed beside a step of type `compute`: f32 for f16, as activations of SDXL's
/// autoencoder exceed its range. So it needs no --no_half_vae.
constexpr DType autoencoder_type(DType compute) { return compute == DType::f16 ? DType::f32 : compute; }

/// How the autoencoder is computed.
struct AutoencoderSettings {
  std::shared_ptr<const Model> model{};
  DType compute = DType::f32;           ///< of weights and activations
  std::string conv_algorithm = "auto";  ///< of 3x3 convolutions: "auto", "direct" or "winograd"
};

// Outputs of the graphs below.
inline constexpr std::string_view kMoments = "moments", kPicture = "picture";

/// The encoder for pictures of one size: input kImage f32 [1, H, W, 3] in [-1, 1] -> output kMoments f32
/// [1, h, w, 2 channels] of Model::encode_image.
void build_encoder_graph(Graph& graph, const AutoencoderSettings& settings, const DeviceModel& device, Size picture);

/// The decoder for pictures of one size: input kLatents f32 [1, h, w, channels], already divided by their scale ->
/// output kPicture f32 [1, H, W, 3], about [-1, 1].
void build_decoder_graph(Graph& graph, const AutoencoderSettings& settings, const DeviceModel& device, Size picture);

}  // namespace rankine
