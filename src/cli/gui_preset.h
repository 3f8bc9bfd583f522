#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace rankine {

/// Gives flags the values of a preset that the graphical interface for sd-scripts (kohya_ss) has saved, a JSON object.
/// Its keys are flags without dashes or the interface's own names for them, and as there
/// - an empty text, "None", false and mostly 0 are not set;
/// - `epoch` counts where neither max_train_epochs nor max_train_steps is set, `lr_warmup` is in percent;
/// - a rate of 0 for one of U-Net and text encoder means that only the other is trained;
/// - `additional_parameters` are flags as on a command line and count last.
/// What is no setting of sd-scripts is left out and listed in one of `notes`. Throws Error when the file cannot be read
/// or parsed, asks for SDXL or a kind of network that is not built, or a value does not fit its flag.
std::vector<Occurrence> assign_gui_preset(const FlagTable& table, const std::string& path,
                                          std::vector<std::string>& notes, std::vector<std::string>& warnings);

}  // namespace rankine
