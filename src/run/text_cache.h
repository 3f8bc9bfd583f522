#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

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
  /// Digests the text encoders. `constants` and `plan` must outlive it.
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
    std::string caption;
    std::vector<int32_t> ids;
    bool is_read = false;
  };

  std::vector<Item> items_;
  std::string towers_;  // text_encoder_digest
  const RunPlan& plan_;
  TextOutputWidths widths_;
  int64_t states_ = 0;                                         // of a caption
  std::map<std::string, std::vector<std::string>> refused_{};  // files that are there and not valid, by reason
  std::vector<std::string> without_file_{};                    // pictures whose file would be another picture's
  std::string write_fault_{};                                  // the first
  int64_t unwritten_ = 0;
};

}  // namespace rankine
