#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "diffusion/loss_weighting.h"
#include "sample/sample_prompts.h"
#include "step/guided_denoiser.h"

namespace rankine {

/// The settings of one picture.
struct ImageRequest {
  std::string prompt, negative_prompt;  ///< both may have weights: (word:1.2)
  std::string sampler = "ddim";         ///< a name of sampler_kinds()
  int steps = 50;
  double scale = 7.5;  ///< classifier-free guidance; 1 or less: off, the negative prompt is ignored
  uint64_t seed = 0;
  int width = 512, height = 512;  ///< multiples of LatentSpace::stride

  bool guided() const { return scale > 1; }
  /// The shape that the denoiser is compiled for.
  StepShape shape(const LatentSpace& space, int64_t chunks) const;
};

/// Throws Error for a request that is impossible.
void check_request(const ImageRequest& request, const LatentSpace& space);

/// The options of a prompt file's entry; `defaults` fills the rest. The caller sets the seed.
ImageRequest request_of(const SamplePrompt& prompt, const ImageRequest& defaults, const LatentSpace& space);

/// Called after each call of the denoiser with the calls done and all calls. Returning false ends the sampling.
using SamplingWatch = std::function<bool(int call, int calls)>;

/// From noise to latents [h, w, channels] with a denoiser that has its condition. The same request gives the same
/// numbers. Throws Error when numbers stop being finite.
std::vector<float> denoise(GuidedDenoiser& denoiser, const ImageRequest& request, const LatentSpace& space,
                           Prediction prediction, const SamplingWatch& watch = {});

/// The settings of a picture in the form of A1111's web UI, for the PNG chunk `parameters`, so that other programs read
/// it. The caller names `model`, and the LoRAs in `prompt_end`.
///   a cat <lora:cats:1>
///   Negative prompt: blurry
///   Steps: 20, Sampler: Euler, CFG scale: 7.5, Seed: 1, Size: 512x512, Model: NAME
std::string parameters_text(const ImageRequest& request, const std::string& prompt_end, const std::string& model,
                            int clip_skip);

}  // namespace rankine
