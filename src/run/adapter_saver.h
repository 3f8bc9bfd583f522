#pragma once
#include <cstdint>
#include <future>
#include <string>
#include <utility>

#include "network/metadata.h"
#include "run/train_config.h"
#include "step/training_step.h"

namespace rankine {

/// Where a run's LoRA files go and what they are called: as in sd-scripts. Their suffix is that of save_model_as.
class OutputNames {
 public:
  explicit OutputNames(const SaveConfig& config);
  std::string folder() const { return folder_; }
  std::string last() const;                         ///< NAME.safetensors
  std::string at_epoch(int64_t epoch) const;        ///< NAME-000001.safetensors; epochs done
  std::string at_step(int64_t step) const;          ///< NAME-step00000020.safetensors
  std::string state() const;                        ///< NAME.state, kept while a run is not complete
  std::string last_state() const;                   ///< NAME-state, a folder
  std::string state_at_epoch(int64_t epoch) const;  ///< NAME-000001-state
  std::string state_at_step(int64_t step) const;    ///< NAME-step00000020-state

  /// Removes what writers that were killed have left half-written under this name, and of the run's report and metrics.
  void remove_leftovers() const;
  /// Makes the folder and a file in it, which is removed again. Throws Error saying what is wrong.
  void check_writable() const;
  /// Throws Error unless the disk has room for a file of `bytes`.
  void check_room(int64_t bytes) const;

 private:
  std::string in_folder(const std::string& file) const;
  std::string lora(const std::string& stem) const;
  std::string epoch_stem(int64_t epoch) const;
  std::string step_stem(int64_t step) const;

  std::string folder_;
  std::optional<std::string> name_;
  std::string suffix_;  // ".safetensors"
};

/// Epochs from one save to the next, as save_n_epoch_ratio or else save_every_n_epochs asks for; 0: none.
int64_t epochs_between_saves(const SaveConfig& config, int64_t epochs);

/// Writes the LoRA with everything that its metadata tell. The base model is hashed meanwhile, on a thread of its own.
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
