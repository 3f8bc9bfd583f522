#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "optim/torch_schedule.h"

namespace rankine {

/// A number of optimizer steps, given as such or as a share of all steps.
struct StepCount {
  double value = 0;
  bool is_share = false;

  /// Whole steps: a share is rounded down, int(value * max_train_steps).
  int64_t resolve(int64_t max_train_steps) const;
};

/// Reads "500" (steps), "0.1" or "10%" (shares). A share is at least 0 and below 1; 1 and more must be whole numbers
/// without a decimal point. `option` is named in the Error of everything else.
StepCount parse_step_count(std::string_view text, std::string_view option);
/// A number of steps as Python prints it: "500", a share as "0.1".
std::string step_count_text(const StepCount& count);

/// Names as in sd-scripts' options.
struct LrScheduleConfig {
  std::string name = "constant";
  double learning_rate = 2e-6;  ///< "polynomial" ends at an absolute rate, so its factor depends on it
  int64_t max_train_steps = 1600;
  StepCount lr_warmup_steps = {};
  StepCount lr_decay_steps = {};  ///< only "warmup_stable_decay"
  int lr_scheduler_num_cycles = 1;
  double lr_scheduler_power = 1;
  std::optional<int64_t> lr_scheduler_timescale = {};
  std::optional<double> lr_scheduler_min_lr_ratio = {};
  std::string step_rules = {};  ///< only "piecewise_constant": "1:10,0.1:50,0.005", a last value for the rest
  /// A class of torch.optim.lr_scheduler. It overrides everything above but max_train_steps.
  std::string lr_scheduler_type = {};
  std::vector<std::string> lr_scheduler_args = {};  ///< of that class, "key=value" each

  /// The name of the schedule in force.
  const std::string& kind() const { return lr_scheduler_type.empty() ? name : lr_scheduler_type; }
};

/// The checked settings of a schedule, as its pure function reads them.
struct LrScheduleFacts {
  int64_t steps = 0, warmup = 0, decay = 0;
  double learning_rate = 0, cycles = 1, power = 1, min_ratio = 0;
  double timescale = 0;
  std::vector<std::pair<double, int64_t>> rules;  ///< factor, and the first step where it ends; ascending
  double last_rule = 1;
};

/// The learning rate of each group as a function of the group's own rate and the step.
class LrSchedule {
 public:
  /// Throws Error on an unknown name and on settings that the schedule cannot work with.
  explicit LrSchedule(const LrScheduleConfig& config);

  /// For optimizer step `step`, counted from 0. Steps past the end are allowed.
  double rate(double base, int64_t step) const { return torch_ ? torch_(base, step) : base * factor_(facts_, step); }

 private:
  LrScheduleFacts facts_;
  double (*factor_)(const LrScheduleFacts&, int64_t step) = nullptr;
  ScheduledRate torch_;  // overrides factor_ where it is set
};

/// The names of all schedules.
std::vector<std::string_view> lr_schedule_names();

}  // namespace rankine
