#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "run/save_config.h"

namespace rankine {

/// Names of the files that a run writes, as sd-scripts names them. LoRA files have the suffix of save_model_as.
class OutputNames {
 public:
  explicit OutputNames(const SaveConfig& config);
  std::string folder() const { return folder_; }
  std::string last() const;                         ///< NAME.safetensors
  std::string at_epoch(int64_t epoch) const;        ///< NAME-000001.safetensors; epochs done
  std::string at_step(int64_t step) const;          ///< NAME-step00000020.safetensors
  std::string metrics() const;                      ///< NAME.metrics.jsonl
  std::string report() const;                       ///< NAME.report.html
  std::string state() const;                        ///< NAME.state, kept while a run is not complete
  std::string last_state() const;                   ///< NAME-state, a folder
  std::string state_at_epoch(int64_t epoch) const;  ///< NAME-000001-state
  std::string state_at_step(int64_t step) const;    ///< NAME-step00000020-state

  /// Makes metrics.jsonl and report.html links to this run's files, as it is the latest run in the folder. A file of
  /// that name stays as it is; so does everything on a file system without links.
  void link_latest() const;
  /// Removes half-written files of this name whose writers were killed.
  void remove_leftovers() const;
  /// Throws Error unless the folder is there or can be made, the LoRA can have its name, and the disk has room for a
  /// file of `bytes`. Writes nothing.
  void check_usable(int64_t bytes) const;
  /// Makes the folder and a file in it, which is removed again. Throws Error saying what is wrong.
  void make_folder() const;

 private:
  std::string in_folder(const std::string& file) const;
  std::string adapter(const std::string& stem) const;
  std::string epoch_stem(int64_t epoch) const;
  std::string step_stem(int64_t step) const;

  std::string folder_;
  std::optional<std::string> name_;
  std::string suffix_;  // ".safetensors"
};

/// Epochs from one save to the next, as save_n_epoch_ratio or else save_every_n_epochs asks for; 0: none.
int64_t epochs_between_saves(const SaveConfig& config, int64_t epochs);

}  // namespace rankine
