#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace rankine {

/// Files of a run, as flags describe them. Fields carry the names of sd-scripts' flags.
struct SaveConfig {
  std::optional<std::string> output_dir;
  std::optional<std::string> output_name;     ///< stem of the saved files; "last" when unset
  std::optional<std::string> save_precision;  ///< "float", "fp16", "bf16"; unset: the type of the trained weights
  std::string save_model_as = "safetensors";  ///< or "ckpt", "pt": PyTorch's own format, without metadata
  std::optional<int64_t> save_n_epoch_ratio;  ///< target number of epoch saves; overrides save_every_n_epochs
  std::string on_nonfinite = "stop";          ///< after a loss or gradient that is not finite: "stop" or "rollback"
  std::optional<int64_t> save_every_n_epochs;
  std::optional<int64_t> save_every_n_steps;
  std::optional<int64_t> save_last_n_epochs;        ///< older files of epochs are removed
  std::optional<int64_t> save_last_n_steps;         ///< files from so many steps ago and before are removed
  std::optional<int64_t> save_last_n_epochs_state;  ///< the same for states; unset: as for the LoRAs
  std::optional<int64_t> save_last_n_steps_state;
  bool save_state = false;  ///< a state folder with each LoRA, beside the one state that is always kept
  bool save_state_on_train_end = false;
  std::optional<std::string> resume;     ///< a state folder or file
  std::optional<int64_t> initial_epoch;  ///< begin to count here, from 1
  std::optional<int64_t> initial_step;   ///< steps already done; overrides initial_epoch
  bool auto_resume = true;               ///< go on with an interrupted run of the same settings

  std::string name() const { return output_name.value_or("last"); }
};

}  // namespace rankine
