#pragma once
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "step/step_graph.h"

namespace rankine {

/// The denoiser for a sampler: one picture's latents in, one prediction out. With guidance each call runs a batch of
/// two, [negative, positive].
class GuidedDenoiser {
 public:
  /// `picture` gives the size of the latents and of the texts; its batch is ignored. `guidance` 1 means none: the
  /// negative condition is ignored. The session must hold the variables of settings.layers and outlive this.
  GuidedDenoiser(Session& session, const StepSettings& settings, const StepShape& picture, float guidance);

  bool guided() const { return guidance_ != 1; }
  /// Sets the conditions of two prompts; `negative` is ignored without guidance.
  void set_condition(const ConditionNumbers& negative, const ConditionNumbers& positive);
  /// latents: [h, w, channels] -> prediction of the same shape.
  void predict(std::span<const float> latents, float timestep, std::span<float> prediction);

 private:
  float guidance_;
  StepShape shape_;
  Graph graph_;
  std::unique_ptr<Executable> executable_;
  std::vector<ConditionSpec> specs_;
  ConditionNumbers condition_;  // of the whole batch
  std::vector<float> latents_, timesteps_, predictions_;
  std::vector<float> sizes_;  // of whole pictures, for models that read them
};

}  // namespace rankine
