#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/epoch_plan.h"
#include "run/run_length.h"
#include "run/train_config.h"
#include "step/latent_encoder.h"
#include "step/step_inputs.h"
#include "step/training_step.h"

namespace rankine {

/// The result of a validation.
struct ValidationLoss {
  double mean = 0;                                        ///< over batches and timesteps
  std::vector<std::pair<int64_t, double>> by_timestep{};  ///< mean over batches at each
};

/// The loss of pictures that are not trained on, at fixed timesteps (sd-scripts' four between min_timestep and
/// max_timestep). Pictures are cut from their middle and not mirrored, captions are whole and in order, and noise
/// follows from validation_seed alone: every validation of a run, and of runs that hold out the same pictures, computes
/// the same thing of other weights.
class Validation {
 public:
  /// `model` must outlive it. Encodes validation_batches of `held_out` (see TrainingData::validation). `stop` is asked
  /// between pictures; once it says yes, the rest is left out.
  Validation(const TrainConfig& config, const Model& model, const TrainingData& held_out, LatentEncoder& encoder,
             const std::function<bool()>& stop);

  /// Token ids of every caption, as encode_captions takes them.
  std::vector<std::vector<int32_t>> captions() const;
  /// Compiles all that `run` needs.
  void prepare(TrainingStep& trainer) const;
  /// With the weights as they would be saved now, which afterwards are what they were. None when `stop` said yes, asked
  /// between batches.
  std::optional<ValidationLoss> run(TrainingStep& trainer, const std::function<bool()>& stop) const;

 private:
  const Model& model_;
  LossConfig loss_;
  NoiseSchedule schedule_;
  uint64_t seed_;
  std::vector<int64_t> timesteps_;
  std::vector<StepData> batches_;  // as yet without noise and timesteps
};

/// The reasons for a validation after a step.
struct ValidationDue {
  bool by_step = false, by_epoch = false;
  bool any() const { return by_step || by_epoch; }
};
/// True by step: --validate_every_n_steps asks for it. True by epoch: an epoch or the run ends, and
/// --validate_every_n_epochs asks for it.
ValidationDue validation_due(const ValidationConfig& config, const RunLength& length, int64_t step);

/// The batches of `held_out` that a validation takes: the first max_validation_steps.
std::vector<PlannedBatch> validation_batches(const ValidationConfig& config, const TrainingData& held_out);

/// The timesteps at which the loss is taken: a fifth, two, three and four fifths of the way.
std::vector<int64_t> validation_timesteps(const NoiseConfig& noise, int64_t count);

}  // namespace rankine
