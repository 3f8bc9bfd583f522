#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// The learning rate at optimizer step `step`, from 0, of a group whose own rate is `base`.
using ScheduledRate = std::function<double(double base, int64_t step)>;

/// A schedule of torch.optim.lr_scheduler by its class, with or without the module path ("CosineAnnealingLR"), and its
/// arguments "key=value" with values as Python writes them. The rates follow the class's closed form: equal to the
/// result of its steps except for their rounding. Throws Error for an unknown class, for one whose rate is not a
/// function of the step alone, for an argument that is missing, wrong or unknown, and if the schedule ends before
/// `steps`.
ScheduledRate make_torch_schedule(const std::string& type, std::span<const std::string> args, int64_t steps);

/// The names of all classes that make_torch_schedule builds, without the path.
std::vector<std::string_view> torch_schedule_names();

}  // namespace rankine
