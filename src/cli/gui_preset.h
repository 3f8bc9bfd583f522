#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace rankine {

/// The contents of a preset.
struct GuiPreset {
  std::vector<Occurrence> assigned;    ///< the flags that it sets
  std::optional<std::string> prompts;  ///< of the sample pictures, one a line; nullopt if it names a file of them
  std::string script;                  ///< that its `sdxl` switch makes kohya_ss start; empty if it has none
};

/// Assigns flags the values of a preset. A preset is a JSON object that the graphical interface for sd-scripts
/// (kohya_ss) saves. Its keys are flags without dashes, or the interface's own names for them. As there,
/// - an empty text, "None", false and mostly 0 are not set; a switch may be written as a number or a text;
/// - `epoch` counts where neither max_train_epochs nor max_train_steps is set, `lr_warmup` is in percent;
/// - a rate of 0 for one of U-Net and text encoder means that only the other is trained;
/// - `sample_prompts` are the prompts themselves;
/// - `additional_parameters` are flags as on a command line and count last.
/// `line` has the flags of the command line, which the caller assigns afterwards: a setting that would outweigh one of
/// them is left out. Keys that are no settings of sd-scripts are left out and listed in one of `notes`. Throws Error
/// when the file cannot be read or parsed, asks for another family of models or a kind of network that is not built, or
/// a value does not fit its flag.
GuiPreset assign_gui_preset(const FlagTable& table, const std::string& path, const std::vector<Occurrence>& line,
                            std::vector<std::string>& notes, std::vector<std::string>& warnings);

}  // namespace rankine
