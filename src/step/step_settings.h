#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/rng.h"
#include "graph/memory/device_model.h"
#include "graph/memory/memory_choice.h"
#include "models/stable_diffusion.h"
#include "network/lora.h"

namespace rankine {

/// What a training step is compiled for: one program for each (bucket, batch size).
struct StepShape {
  int64_t batch = 1;
  int64_t height = 64, width = 64;  ///< of the latents: an eighth of the picture's
  int64_t chunks = 1;               ///< of 77 tokens: 1, 2 or 3 for 75, 150 or 225 tokens
  bool whole_chunks = false;        ///< all 77 states of each are the context: prompts of pictures, not captions

  int64_t latents() const { return batch * height * width * 4; }
  int64_t context_tokens() const { return chunks == 1 || whole_chunks ? 77 * chunks : 75 * chunks + 2; }
  auto operator<=>(const StepShape&) const = default;
};

/// The numbers of one batch that a step reads. Pictures are NHWC.
struct StepInputs {
  StepShape shape;
  std::vector<float> noisy_latents, target;  ///< [N, h, w, 4]
  std::vector<float> timesteps;              ///< [N]
  std::vector<float> loss_weights;           ///< [N]
  std::vector<float> huber_c;                ///< [N], thresholds of huber and smooth_l1
  std::vector<float> loss_mask;              ///< [N, h, w] with StepSettings::masked_loss; empty: ones
  std::vector<int32_t> ids;                  ///< [N, chunks, 77]
  std::vector<float> token_weights;          ///< [N, tokens] with StepSettings::weighted_captions
  RandomKey dropout_key{};                   ///< of this micro-batch alone
};

/// How the step is built, the same for all shapes.
struct StepSettings {
  StableDiffusionConfig model;
  std::vector<AdaptedLayer> layers;  ///< adapted; those with a learning rate of 0 do not train
  AdapterDropout dropout;            ///< in training steps alone
  DType compute = DType::f32;        ///< of frozen weights and activations
  DType trained = DType::f32;        ///< what LoRA weights and their gradients are rounded to; in memory they are f32
  int64_t clip_skip = 1;
  bool train_unet = true, train_text_encoder = true;
  bool accumulate = false;                ///< gradients add up over several steps
  bool gradient_checkpointing = false;    ///< every block is recomputed, whatever else is chosen
  MemoryChoice memory;                    ///< what is given up for memory (choose_step_memory)
  const DeviceModel* device = nullptr;    ///< the device that runs the step; TrainingStep sets it
  std::string conv_algorithm = "direct";  ///< "auto", "direct" or "winograd"
  std::string loss_type = "l2";
  bool weighted_captions = false;  ///< the text's states are multiplied by StepInputs::token_weights
  bool masked_loss = false;        ///< errors are weighed by StepInputs::loss_mask

  bool trains(const AdaptedLayer& module) const {
    return module.lr_weight != 0 && (module.in_text_encoder() ? train_text_encoder : train_unet);
  }
};

}  // namespace rankine
