#pragma once
#include <iosfwd>
#include <memory>
#include <optional>

#include "run/interrupt.h"
#include "run/latent_cache.h"
#include "run/plan.h"
#include "run/run_summary.h"
#include "run/validation.h"
#include "sample/previews.h"
#include "step/checkpoint_constants.h"
#include "step/fp8_constants.h"
#include "step/merged_constants.h"
#include "step/training_step.h"
#include "watch/progress.h"

namespace rankine {

/// The frozen weights of a run: the checkpoint's, with --base_weights merged into them, rounded with --fp8_base.
class FrozenWeights {
 public:
  /// Reads the files of --base_weights. `plan` must outlive it. Throws Error for a file that does not fit.
  explicit FrozenWeights(const RunPlan& plan);
  ConstantSource& source() { return rounded_; }

 private:
  CheckpointConstants checkpoint_;
  MergedConstants merged_;
  Fp8Constants rounded_;
};

/// Everything that a run holds in memory at its first step.
class PreparedRun {
 public:
  /// Opens the step and sets its first weights, including those of a state that it continues from. Reads all files that
  /// the plan has not read, and writes none. Notes for the user go to `out`. `plan` must outlive it.
  PreparedRun(const RunPlan& plan, std::ostream& out);

  /// Caches latents or opens the encoder, encodes captions and prompts, chooses how steps fit in memory, and compiles
  /// every step. Throws Error if Ctrl-C was pressed in the meantime.
  void finish(const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options);

  TrainingStep& step() { return step_; }
  LatentEncoder* encoder() { return encoder_.get(); }  ///< null if latents are cached
  const LatentCache* cache() const { return cache_ ? &*cache_ : nullptr; }
  const Validation* validation() const { return validation_ ? &*validation_ : nullptr; }  ///< null: nothing is held out
  PreviewMaker* previews() { return previews_ ? &*previews_ : nullptr; }                  ///< null: no sample pictures
  const MemoryChoice& memory_choice() const { return memory_; }
  RunSummary summary() const { return run_summary(plan_, step_.memory(), other_); }

 private:
  void encode_pictures(const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options);
  void encode_texts(std::ostream& out);
  void compile_steps();
  /// The memory that sample pictures need in addition. Throws Error if it exceeds the budget.
  int64_t fitting_preview_bytes() const;

  const RunPlan& plan_;
  FrozenWeights weights_;
  TrainingStep step_;
  std::unique_ptr<LatentEncoder> encoder_;
  std::optional<Validation> validation_;
  std::optional<LatentCache> cache_;
  std::optional<PreviewMaker> previews_;
  OtherMemory other_;
  size_t budget_bytes_ = 0;
  MemoryChoice memory_;
};

}  // namespace rankine
