#include "step/guided_denoiser.h"

#include <algorithm>

#include "diffusion/sampler.h"

namespace rankine {

GuidedDenoiser::GuidedDenoiser(Session& session, const StepSettings& settings, const StepShape& picture, float guidance)
    : guidance_(guidance), shape_(picture) {
  shape_.batch = guided() ? 2 : 1;
  build_denoiser_graph(graph_, settings, shape_);
  executable_ = session.compile_temporary(graph_);
  specs_ = settings.model->condition(shape_.text());
  for (const ConditionSpec& spec : specs_)
    condition_.emplace_back(static_cast<size_t>(shape_.batch * count_of(spec.shape)));
  latents_.resize(static_cast<size_t>(settings.latent_numbers(shape_)));
  predictions_.resize(latents_.size());
  timesteps_.resize(static_cast<size_t>(shape_.batch));
  if (!settings.model->reads_sizes()) return;
  const auto stride = settings.model->latents().stride;
  const auto sizes = size_numbers(
      PictureSizes::whole({static_cast<int>(shape_.width) * stride, static_cast<int>(shape_.height) * stride}));
  for (int64_t i = 0; i < shape_.batch; ++i) sizes_.insert(sizes_.end(), sizes.begin(), sizes.end());
}

void GuidedDenoiser::set_condition(const ConditionNumbers& negative, const ConditionNumbers& positive) {
  for (size_t i = 0; i < specs_.size(); ++i) {
    const auto one = static_cast<size_t>(count_of(specs_[i].shape));
    const auto place = [&](const ConditionNumbers& from, size_t at) {
      check(from.size() == specs_.size() && from[i].size() == one, "sampling: expected \"", specs_[i].name, "\" of ",
            one, " numbers, got ", from.size() > i ? from[i].size() : 0);
      std::ranges::copy(from[i], condition_[i].begin() + static_cast<std::ptrdiff_t>(at * one));
    };
    if (guided()) place(negative, 0);
    place(positive, guided() ? 1 : 0);
  }
}

void GuidedDenoiser::predict(std::span<const float> latents, float timestep, std::span<float> prediction) {
  const size_t one = latents_.size() / static_cast<size_t>(shape_.batch);
  check(latents.size() == one && prediction.size() == one, "sampling: expected latents of ", one, " numbers, got ",
        latents.size(), " and ", prediction.size());
  for (size_t at = 0; at < latents_.size(); at += one)
    std::copy(latents.begin(), latents.end(), latents_.begin() + static_cast<std::ptrdiff_t>(at));
  std::fill(timesteps_.begin(), timesteps_.end(), timestep);
  executable_->set_input(kLatents, latents_);
  executable_->set_input(kTimesteps, timesteps_);
  if (!sizes_.empty()) executable_->set_input(kSizes, sizes_);
  for (size_t i = 0; i < specs_.size(); ++i) executable_->set_input(specs_[i].name, condition_[i]);
  executable_->run();
  executable_->get_output(kPrediction, predictions_);
  const std::span<const float> all = predictions_;
  if (guided()) {
    apply_guidance(all.first(one), all.last(one), guidance_, prediction);
  } else {
    std::copy(all.begin(), all.end(), prediction.begin());
  }
}

}  // namespace rankine
