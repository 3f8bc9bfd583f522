#pragma once
#include <cstddef>

#include "run/plan.h"

namespace rankine {

/// Bytes that a run will hold, by use. The device model estimates frozen weights and working memory; all others are
/// exact.
struct EstimatedBytes {
  size_t frozen_weights = 0;  ///< of the step, in the forms that kernels read
  size_t adapter = 0;         ///< trained tensors
  size_t gradients = 0;
  size_t optimizer_state = 0;
  size_t activations = 0;  ///< the arena of the largest step
  size_t working = 0;      ///< of kernels, while they run
  size_t captions = 0;     ///< the frozen text encoder's states, if all captions are known
  size_t cached_latents = 0;
  size_t encoder = 0;   ///< the VAE's encoder, which stays if latents are not cached
  size_t caching = 0;   ///< the VAE's encoder while latents are cached; freed before the first step
  size_t previews = 0;  ///< while sample pictures are made, beyond the step's own

  /// The bytes while steps run, sample pictures included.
  size_t total() const {
    return frozen_weights + adapter + gradients + optimizer_state + activations + working + captions + cached_latents +
           encoder + previews;
  }
};

/// The expected cost of a run. Seconds are estimates from the device's rates: no kernel was timed.
struct RunEstimate {
  EstimatedBytes bytes;
  double step_flops = 0;          ///< forward and backward of an optimiser step, mean over an epoch
  double step_seconds = 0;        ///< an optimiser step with all of its batches, mean over an epoch
  double encode_seconds = 0;      ///< latents, before the first step or in all steps together
  double text_seconds = 0;        ///< a frozen text encoder's: captions before the first step, or in all steps together
  double preview_seconds = 0;     ///< all sample pictures
  double validation_seconds = 0;  ///< all validations, held-out pictures encoded
  double seconds = 0;             ///< of the run from its start position, without saves
};

/// Counts a plan on the null backend: builds graphs and plans their memory, computes nothing and reads no weight.
RunEstimate estimate_run(const RunPlan& plan);

}  // namespace rankine
