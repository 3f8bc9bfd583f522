#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "diffusion/loss_weighting.h"
#include "sample/sample_prompts.h"
#include "step/guided_unet.h"

namespace rankine {

/// One picture to be made.
struct ImageRequest {
  std::string prompt, negative_prompt;  ///< both may have weights: (word:1.2)
  std::string sampler = "ddim";         ///< a name of sampler_kinds()
  int steps = 50;
  double scale = 7.5;  ///< classifier-free guidance; 1 or less: none, the negative prompt is not used
  uint64_t seed = 0;
  int width = 512, height = 512;  ///< multiples of 8

  bool guided() const { return scale > 1; }
  /// What the U-Net is built for.
  StepShape shape(int64_t chunks) const;
};

/// Throws Error for a request that cannot be met.
void check_request(const ImageRequest& request);

/// What a prompt of a file says, and for the rest `defaults`; its seed is the caller's.
ImageRequest request_of(const SamplePrompt& prompt, const ImageRequest& defaults);

/// After each call of the U-Net, with the calls done and the calls there are; false ends the sampling there.
using SamplingWatch = std::function<bool(int call, int calls)>;

/// From noise to latents [height/8, width/8, 4] with a U-Net that has its context. The same request gives the same
/// numbers. Throws Error when numbers stop being finite.
std::vector<float> denoise(GuidedUNet& unet, const ImageRequest& request, Prediction prediction,
                           const SamplingWatch& watch = {});

/// What made a picture, as A1111's web UI writes it into the PNG chunk `parameters`, so that other programs can read
/// it. `model` and the LoRAs that `prompt_end` names are the caller's.
///   a cat <lora:cats:1>
///   Negative prompt: blurry
///   Steps: 20, Sampler: Euler, CFG scale: 7.5, Seed: 1, Size: 512x512, Model: NAME
std::string parameters_text(const ImageRequest& request, const std::string& prompt_end, const std::string& model,
                            int clip_skip);

}  // namespace rankine
