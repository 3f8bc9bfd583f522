#include "run/prepare.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <ostream>

#include "run/cache_latents.h"
#include "run/first_weights.h"
#include "run/output_names.h"
#include "run/state/state_saver.h"
#include "run/step_plan.h"
#include "run/text_cache.h"
#include "sample/sample_files.h"
#include "step/fit_memory.h"

namespace rankine {

FrozenWeights::FrozenWeights(const RunPlan& plan)
    : checkpoint_(plan.checkpoint),
      merged_(checkpoint_, read_base_weights(plan.config.network, plan.checkpoint)),
      rounded_(merged_, plan.config.step) {}

PreparedRun::PreparedRun(const RunPlan& plan, std::ostream& out)
    : plan_(plan), weights_(plan), step_(*plan.backend, weights_.source(), plan.step, *plan.optimizer, plan.update) {
  for (const std::string& note : set_first_weights(step_, plan.config.network, plan.checkpoint, plan.seed))
    out << note << '\n';
  if (plan.start.found) restore_state(step_, plan.start.found->state);
}

void PreparedRun::finish(const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options) {
  encode_pictures(interrupt, out, options);
  encode_texts(out);
  compile_steps();
  if (previews_) other_.previews = fitting_preview_bytes();
  if (plan_.start.found) check_restored(step_, *plan_.start.found);
}

void PreparedRun::encode_pictures(const InterruptGuard& interrupt, std::ostream& out,
                                  const Progress::Options& options) {
  encoder_ = std::make_unique<LatentEncoder>(*plan_.backend, weights_.source(), plan_.vae);
  if (plan_.data.validation) {
    validation_.emplace(plan_.config, *plan_.step.model, *plan_.data.validation, *encoder_,
                        [&] { return interrupt.requested(); });
    check_not_stopped(interrupt);
  }
  if (plan_.config.data.cache_latents) {
    cache_ = cache_latents(plan_, weights_.source(), *encoder_, interrupt, out, options);
    other_.cached_latents = cache_->bytes();
    encoder_.reset();  // its memory is the step's now
  } else {
    for (const Dataset& dataset : plan_.data.datasets)
      for (const Bucket& bucket : dataset.buckets) encoder_->prepare(bucket.size);
    other_.vae = static_cast<int64_t>(encoder_->memory().total());
  }
}

void PreparedRun::encode_texts(std::ostream& out) {
  const TrainConfig& config = plan_.config;
  if (!plan_.previews.empty())
    previews_.emplace(
        PreviewMaker::Parts{
            config.preview,
            {(std::filesystem::path(OutputNames(config.save).folder()) / "sample").string(), config.save.output_name},
            config.model.v_parameterization ? Prediction::v : Prediction::epsilon,
            plan_.vae,
            *plan_.backend,
            weights_.source(),
            step_,
            plan_.saved,
            model_name(plan_.checkpoint.path())},
        plan_.previews);
  if (plan_.captions.empty()) return;
  auto captions = plan_.captions;
  if (validation_) std::ranges::move(validation_->captions(), std::back_inserter(captions));
  std::optional<TextCache> files;
  if (config.data.cache_text_encoder_outputs_to_disk && plan_.step.model->text_output_widths()) {
    files.emplace(plan_, weights_.source());
    files->read(step_);
  }
  step_.encode_captions(captions);
  if (!files) return;
  files->write(step_);
  out << files->report_text();
}

void PreparedRun::compile_steps() {
  // Encoding has changed what the process holds and what the system has left: the plan is kept where it still fits.
  budget_bytes_ = memory_budget(plan_.config.step.memory_budget, plan_.backend->device());
  memory_ = plan_.memory;
  if (fixed_bytes(plan_.step, plan_.backend->device()) + memory_.bytes() > budget_bytes_)
    memory_ = step_.fit(largest_of(plan_.shapes), budget_bytes_);
  for (const StepShape& shape : plan_.shapes) step_.prepare(shape);
  if (validation_) validation_->prepare(step_);
}

int64_t PreparedRun::fitting_preview_bytes() const {
  const size_t budget = budget_bytes_, more = previews_->more_bytes(), held = plan_.backend->device().memory().held;
  check(more == 0 || held + more <= budget, "the sample pictures need ", bytes_text(static_cast<int64_t>(more)),
        " beside the step's ", bytes_text(static_cast<int64_t>(held)), ", more than --memory_budget (",
        bytes_text(static_cast<int64_t>(budget)), "): make them smaller with --w and --h in --sample_prompts");
  return static_cast<int64_t>(more);
}

}  // namespace rankine
