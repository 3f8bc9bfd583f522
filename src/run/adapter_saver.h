#pragma once
#include <cstdint>
#include <future>
#include <string>
#include <utility>

#include "network/metadata.h"
#include "run/train_config.h"
#include "step/training_step.h"

namespace rankine {

/// Writes the adapter with its complete metadata. The base model is hashed in the background, by a thread of its own.
class AdapterSaver {
 public:
  /// `trainer` must outlive it. `dtype` is that of the saved weights; `vae`: of --vae, or empty.
  AdapterSaver(const TrainingStep& trainer, TrainingFacts facts, const std::string& base_model, const std::string& vae,
               DType dtype);

  /// The file is read again and compared. Throws Error when a weight is not finite; then nothing is written.
  void save(const std::string& path, int64_t steps, int64_t epochs);
  const std::string& last_saved() const { return last_saved_; }  ///< "" before the first

 private:
  const TrainingStep& trainer_;
  TrainingFacts facts_;
  DType dtype_;
  struct Hashes {
    std::string window, whole;
  };
  std::future<Hashes> hashes_, vae_hashes_;  // of the base model and of --vae
  std::string last_saved_;
};

}  // namespace rankine
