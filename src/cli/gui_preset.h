#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace rankine {

/// Sets flags from a preset of the graphical interface for sd-scripts (kohya_ss), a JSON object. Its keys are flags
/// without dashes or the interface's own names. As in the interface,
/// - an empty text, "None", false and in most keys 0 set nothing;
/// - `epoch` is used if neither max_train_epochs nor max_train_steps is set; `lr_warmup` is in percent;
/// - a rate of 0 for one of U-Net and text encoder means that only the other is trained;
/// - `additional_parameters` are flags as on a command line and override the others.
/// Other settings are left out and listed in one of `notes`. Throws Error if the file cannot be read or parsed, asks
/// for SDXL or a kind of network that is not built, or if a value does not fit its flag.
std::vector<Occurrence> assign_gui_preset(const FlagTable& table, const std::string& path,
                                          std::vector<std::string>& notes, std::vector<std::string>& warnings);

}  // namespace rankine
