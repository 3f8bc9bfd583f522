#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "diffusion/loss_weighting.h"
#include "io/image.h"
#include "network/merge_loras.h"
#include "text/clip_tokenizer.h"
#include "train/checkpoint_constants.h"
#include "train/step_graph.h"

namespace rankine {

/// One picture to be made.
struct ImageRequest {
  std::string prompt, negative_prompt;
  std::string sampler = "ddim";  ///< a name of sampler_kinds()
  int steps = 50;
  double scale = 7.5;  ///< classifier-free guidance; 1: none, the negative prompt is not used
  uint64_t seed = 0;
  int width = 512, height = 512;  ///< multiples of 8
};

struct ImageSamplerConfig {
  DType compute = DType::f32;  ///< of weights and activations: f32 or bf16
  int64_t clip_skip = 1;       ///< the Nth-from-last layer of the text encoder
  Prediction prediction = Prediction::epsilon;
};

/// What a LoRA file may adapt in a model: modules of every kind, for read_lora.
std::vector<LoraModule> adaptable_modules(const Checkpoint& checkpoint);

/// Makes pictures from text with a checkpoint and LoRAs. Text encoder, U-Net and autoencoder are in memory one after
/// the other: for several pictures, first all latents, then all pictures.
class ImageSampler {
 public:
  /// After each call of the U-Net, with the steps done; false ends the sampling there.
  using Watch = std::function<bool(int step)>;

  /// `checkpoint` must outlive it; `lora` comes from merge_loras and may be empty. Throws Error for a model family that
  /// is not built.
  ImageSampler(const Backend& backend, const Checkpoint& checkpoint, ImageSamplerConfig config,
               std::vector<LoadedLora> lora);
  ~ImageSampler();

  /// A picture's latents [height/8, width/8, 4], as the U-Net knows them. The same request gives the same numbers.
  /// Throws Error for a request that cannot be met, and when numbers stop being finite.
  std::vector<float> latents(const ImageRequest& request, const Watch& watch = {});
  /// The picture of such latents. Lets go of the U-Net's weights first; `latents` would load them again.
  Image picture(std::span<const float> latents, int width, int height);

  /// latents, then picture.
  Image sample(const ImageRequest& request, const Watch& watch = {});

 private:
  struct UNet;
  struct Decoder;
  struct Context {
    int64_t chunks = 1;
    std::vector<float> negative, positive;
  };

  std::unique_ptr<Session> open_session(bool of_text_encoder);
  Context encode(const ImageRequest& request);
  UNet& unet(const StepShape& shape, float guidance);

  const Backend& backend_;
  CheckpointConstants constants_;
  ImageSamplerConfig config_;
  std::vector<LoadedLora> lora_;
  StepSettings settings_;
  ClipTokenizer tokenizer_;
  std::map<std::pair<std::string, std::string>, Context> contexts_;  // by negative and positive prompt
  std::unique_ptr<UNet> unet_;
  std::unique_ptr<Decoder> decoder_;
};

/// [H, W, 3] about [-1, 1] -> 8-bit RGB.
Image image_from(std::span<const float> values, int width, int height);

}  // namespace rankine
