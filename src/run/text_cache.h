#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/text_output_file.h"
#include "run/cache_faults.h"
#include "run/plan.h"
#include "step/training_step.h"

namespace rankine {

/// Throws Error where captions vary or a text encoder is trained, so that --cache_text_encoder_outputs is impossible,
/// as in sd-scripts. Families without a file form of encoded captions have nothing to check.
void check_text_cache(const TrainConfig& config, const Model& model, const TrainingData& data);

/// The captions of a run's pictures in sd-scripts' `_te_outputs.npz` files, one beside each picture
/// (--cache_text_encoder_outputs_to_disk).
class TextCache {
 public:
  /// Digests the text encoders.
  TextCache(const RunPlan& plan, ConstantSource& constants);

  /// Hands the states in valid files to `step`, before it encodes captions.
  void read(TrainingStep& step);
  /// Writes the files that were missing or not valid, each whole or not at all, once `step` knows all captions.
  /// Training can do without them: what the disk refuses is noted.
  void write(TrainingStep& step);
  /// "encoded captions of 20 pictures: 12 read from disk, 8 made", and what was refused and why, a line each.
  std::string report_text() const;

 private:
  struct Item {
    std::string file;
    TextOutputRecipe recipe;
    std::vector<int32_t> ids;
    bool is_read = false;
  };

  std::vector<Item> items_;
  bool trust_ = false;  // files that do not tell what they were made from
  CacheFaults faults_;
};

}  // namespace rankine
