#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// The learning rate of a group whose own is `base`, at optimizer step `step`, counted from 0.
using ScheduledRate = std::function<double(double base, int64_t step)>;

/// A schedule of torch.optim.lr_scheduler by its class, with or without that path in front ("CosineAnnealingLR"), and
/// its arguments, "key=value" each with values as Python writes them. The rates are those of the class's closed form:
/// equal to what its steps add up to but for their rounding.
/// Throws Error for an unknown class, for one whose rate is no function of the step alone, for an argument that is
/// missing, wrong or unknown, and where the schedule ends before `steps`.
ScheduledRate make_torch_schedule(const std::string& type, std::span<const std::string> args, int64_t steps);

/// The names of all classes that make_torch_schedule builds, without the path.
std::vector<std::string_view> torch_schedule_names();

}  // namespace rankine
