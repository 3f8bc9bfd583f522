#pragma once
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/rng.h"
#include "graph/memory/device_model.h"
#include "graph/memory/memory_choice.h"
#include "models/model.h"
#include "network/adapter.h"

namespace rankine {

/// The shape for which a step is compiled: one program per (bucket, batch size).
struct StepShape {
  int64_t batch = 1;
  int64_t height = 64, width = 64;  ///< of the latents
  int64_t chunks = 1;               ///< of the texts: see TextShape
  bool whole_chunks = false;

  /// Latents of the whole batch, of as many numbers each as the model has channels.
  int64_t latents() const { return batch * height * width; }
  TextShape text() const { return {chunks, whole_chunks}; }
  auto operator<=>(const StepShape&) const = default;
};

/// The numbers of one batch that a step reads. Pictures are NHWC.
struct StepInputs {
  StepShape shape;
  std::vector<float> noisy_latents, target;  ///< [N, h, w, channels]
  std::vector<float> timesteps;              ///< [N]
  std::vector<float> loss_weights;           ///< [N]
  std::vector<float> huber_c;                ///< [N], thresholds of huber and smooth_l1
  std::vector<float> loss_mask;              ///< [N, h, w] with StepSettings::masked_loss; empty: ones
  std::vector<int32_t> ids;                  ///< [N, ...] of Model::ids_shape
  std::vector<float> sizes;                  ///< [N, kSizeNumbers], for models that read them (Model::reads_sizes)
  std::vector<float> token_weights;          ///< [N, tokens] with StepSettings::weighted_captions
  RandomKey dropout_key{};                   ///< of this micro-batch alone
};
/// The numbers of a text's condition: one list for each of Model::condition.
using ConditionNumbers = std::vector<std::vector<float>>;

/// How the step is built, the same for all shapes.
struct StepSettings {
  std::shared_ptr<const Model> model{};
  const AdapterKind* adapter = adapters().front();
  std::vector<AdaptedLayer> layers;  ///< adapted; those with a learning rate of 0 do not train
  AdapterDropout dropout;            ///< in training steps alone
  DType compute = DType::f32;        ///< of frozen weights and activations
  DType trained = DType::f32;        ///< trained weights and their gradients are rounded to it; in memory they are f32
  int64_t clip_skip = 1;
  bool train_unet = true, train_text_encoder = true;
  bool accumulate = false;              ///< gradients add up over several steps
  bool gradient_checkpointing = false;  ///< every block is recomputed, whatever else is chosen
  /// The frozen weights that a mapped file holds as they are, with their types there: the device may leave them there.
  std::map<std::string, DType, std::less<>> in_file{};
  MemoryChoice memory;                    ///< what is given up for memory (choose_step_memory)
  const DeviceModel* device = nullptr;    ///< the device that runs the step; TrainingStep sets it
  std::string conv_algorithm = "direct";  ///< "auto", "direct" or "winograd"
  std::string loss_type = "l2";
  bool weighted_captions = false;  ///< the text's states are multiplied by StepInputs::token_weights
  bool masked_loss = false;        ///< errors are weighed by StepInputs::loss_mask

  /// Numbers in the latents of a batch.
  int64_t latent_numbers(const StepShape& shape) const { return shape.latents() * model->latents().channels; }
  bool trains(const AdaptedLayer& layer) const {
    return layer.lr_weight != 0 && (layer.in_text_encoder() ? train_text_encoder : train_unet);
  }
};

}  // namespace rankine
