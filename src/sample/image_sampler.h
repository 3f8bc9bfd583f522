#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "io/image.h"
#include "sample/image_request.h"
#include "step/checkpoint_constants.h"
#include "step/merged_constants.h"
#include "step/picture_decoder.h"
#include "step/step_graph.h"

namespace rankine {

struct ImageSamplerConfig {
  DType compute = DType::f32;  ///< of weights and activations: f32, bf16 or f16
  int64_t clip_skip = 1;       ///< the Nth-from-last layer of the text encoder
  Prediction prediction = Prediction::epsilon;
  std::string conv_algorithm = "auto";  ///< of 3x3 convolutions: "auto", "direct" or "winograd"
};

/// Makes pictures from text with a checkpoint and adapters. Text encoder, denoiser and autoencoder are in memory one
/// after the other. For several pictures make first all latents, then all pictures.
class ImageSampler {
 public:
  /// `checkpoint` must outlive it. Adapters of one kind that has AdapterKind::sum are applied as one; others are merged
  /// into the weights. Throws Error for a model family that is not built.
  ImageSampler(const Backend& backend, const Checkpoint& checkpoint, ImageSamplerConfig config,
               std::vector<WeightedAdapter> adapters = {});
  ~ImageSampler();

  /// A picture's latents [h, w, channels], as the denoiser knows them. The same request gives the same numbers.
  /// Throws Error for a request that cannot be met, and when numbers stop being finite.
  std::vector<float> latents(const ImageRequest& request, const SamplingWatch& watch = {});
  /// Decodes such latents to a picture. It first frees the denoiser's weights; `latents` would load them again.
  Image picture(std::span<const float> latents, int width, int height);

  /// Calls latents, then picture.
  Image sample(const ImageRequest& request, const SamplingWatch& watch = {});

 private:
  struct Denoiser;
  struct Context {
    int64_t chunks = 1;
    ConditionNumbers negative, positive;
  };

  std::unique_ptr<Session> open_session(bool of_text_encoder);
  Context encode(const std::string& negative_prompt, const std::string& prompt);
  Denoiser& denoiser(const StepShape& shape, float guidance);

  const Backend& backend_;
  CheckpointConstants checkpoint_constants_;
  ImageSamplerConfig config_;
  std::vector<LayerWeights> adapter_;  // applied
  MergedConstants constants_;          // with the adapters that are merged
  StepSettings settings_;
  std::map<std::pair<std::string, std::string>, Context> contexts_;  // by negative and positive prompt
  std::unique_ptr<Denoiser> denoiser_;
  std::unique_ptr<PictureDecoder> decoder_;
};

}  // namespace rankine
