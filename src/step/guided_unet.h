#pragma once
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "step/step_graph.h"

namespace rankine {

/// The U-Net as a sampler calls it: one picture's latents in, one prediction out. With guidance each call runs a batch
/// of two, [negative, positive].
class GuidedUNet {
 public:
  /// `picture` gives the latents' size and the context's length; its batch is not read. `guidance` 1 is none: the
  /// negative context is not used. The session must hold the variables of settings.layers and outlive this.
  GuidedUNet(Session& session, const StepSettings& settings, StepShape picture, float guidance);

  bool guided() const { return guidance_ != 1; }
  /// Text states, [tokens, width] each; `negative` may be empty without guidance.
  void set_context(std::span<const float> negative, std::span<const float> positive);
  /// latents: [h, w, 4] -> prediction [h, w, 4].
  void predict(std::span<const float> latents, float timestep, std::span<float> prediction);

 private:
  float guidance_;
  StepShape shape_;
  Graph graph_;
  std::unique_ptr<Executable> executable_;
  std::vector<float> context_, latents_, timesteps_, predictions_;
};

}  // namespace rankine
