#include "step/guided_unet.h"

#include <algorithm>

#include "diffusion/sampler.h"

namespace rankine {

GuidedUNet::GuidedUNet(Session& session, const StepSettings& settings, StepShape picture, float guidance)
    : guidance_(guidance), shape_(picture) {
  shape_.batch = guided() ? 2 : 1;
  build_unet_graph(graph_, settings, shape_);
  executable_ = session.compile_temporary(graph_);
  context_.resize(static_cast<size_t>(shape_.batch * shape_.context_tokens() * settings.model.text.width));
  latents_.resize(static_cast<size_t>(shape_.latents()));
  predictions_.resize(latents_.size());
  timesteps_.resize(static_cast<size_t>(shape_.batch));
}

void GuidedUNet::set_context(std::span<const float> negative, std::span<const float> positive) {
  const size_t one = context_.size() / static_cast<size_t>(shape_.batch);
  check(positive.size() == one && (!guided() || negative.size() == one), "sampling: expected text states of ", one,
        " numbers, got ", negative.size(), " and ", positive.size());
  if (guided()) std::copy(negative.begin(), negative.end(), context_.begin());
  std::copy(positive.begin(), positive.end(), context_.end() - static_cast<std::ptrdiff_t>(one));
}

void GuidedUNet::predict(std::span<const float> latents, float timestep, std::span<float> prediction) {
  const size_t one = latents_.size() / static_cast<size_t>(shape_.batch);
  check(latents.size() == one && prediction.size() == one, "sampling: expected latents of ", one, " numbers, got ",
        latents.size(), " and ", prediction.size());
  for (size_t at = 0; at < latents_.size(); at += one)
    std::copy(latents.begin(), latents.end(), latents_.begin() + static_cast<std::ptrdiff_t>(at));
  std::fill(timesteps_.begin(), timesteps_.end(), timestep);
  executable_->set_input("latents", latents_);
  executable_->set_input("timesteps", timesteps_);
  executable_->set_input("context", context_);
  executable_->run();
  executable_->get_output("prediction", predictions_);
  const std::span<const float> all = predictions_;
  if (guided()) {
    apply_guidance(all.first(one), all.last(one), guidance_, prediction);
  } else {
    std::copy(all.begin(), all.end(), prediction.begin());
  }
}

}  // namespace rankine
