#include "optim/torch_schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/shortened.h"
#include "io/nearest_name.h"
#include "optim/optimizer_args.h"
#include "optim/python_names.h"

namespace rankine {
namespace {

/// From `from` to `to` along half a cosine wave, or a line.
double along_cosine(double from, double to, double part) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * part));
}
double along_line(double from, double to, double part) { return from + (to - from) * part; }

double share(int64_t step, int64_t steps) {
  return static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
}

ScheduledRate constant_lr(OptimizerArgs& given, int64_t) {
  const double factor = given.number("factor", 1.0 / 3);
  const int64_t total = given.whole("total_iters", 5, 0);
  check(factor >= 0 && factor <= 1, "--lr_scheduler_args factor: expected 0 to 1, got ", factor);
  return [=](double base, int64_t step) { return step < total ? base * factor : base; };
}

ScheduledRate linear_lr(OptimizerArgs& given, int64_t) {
  const double start = given.number("start_factor", 1.0 / 3), end = given.number("end_factor", 1);
  const int64_t total = given.whole("total_iters", 5, 1);
  check(start > 0 && start <= 1, "--lr_scheduler_args start_factor: expected more than 0, at most 1, got ", start);
  check(end >= 0 && end <= 1, "--lr_scheduler_args end_factor: expected 0 to 1, got ", end);
  return [=](double base, int64_t step) { return base * along_line(start, end, share(step, total)); };
}

ScheduledRate exponential_lr(OptimizerArgs& given, int64_t) {
  const double gamma = given.needed_number("gamma");
  return [=](double base, int64_t step) { return base * std::pow(gamma, static_cast<double>(step)); };
}

ScheduledRate step_lr(OptimizerArgs& given, int64_t) {
  const int64_t size = given.needed_whole("step_size", 1);
  const double gamma = given.number("gamma", 0.1);
  return [=](double base, int64_t step) { return base * std::pow(gamma, static_cast<double>(step / size)); };
}

ScheduledRate multi_step_lr(OptimizerArgs& given, int64_t) {
  const std::vector<double> milestones = given.needed_list("milestones");
  const double gamma = given.number("gamma", 0.1);
  return [=](double base, int64_t step) {
    const auto passed = std::ranges::count_if(milestones, [&](double m) { return m <= static_cast<double>(step); });
    return base * std::pow(gamma, static_cast<double>(passed));
  };
}

ScheduledRate polynomial_lr(OptimizerArgs& given, int64_t) {
  const int64_t total = given.whole("total_iters", 5, 1);
  const double power = given.number("power", 1);
  return [=](double base, int64_t step) { return base * std::pow(1 - share(step, total), power); };
}

// After T_max it rises again, one whole wave in 2 T_max steps.
ScheduledRate cosine_annealing_lr(OptimizerArgs& given, int64_t) {
  const int64_t half = given.needed_whole("T_max", 1);
  const double least = given.number("eta_min", 0);
  return [=](double base, int64_t step) {
    return along_cosine(base, least, static_cast<double>(step) / static_cast<double>(half));
  };
}

// SGDR (Loshchilov & Hutter 2016, arXiv:1608.03983): each part is T_mult times as long as the previous one.
ScheduledRate cosine_annealing_warm_restarts(OptimizerArgs& given, int64_t) {
  const int64_t first = given.needed_whole("T_0", 1), longer = given.whole("T_mult", 1, 1);
  const double least = given.number("eta_min", 0);
  return [=](double base, int64_t step) {
    int64_t length = first;
    if (longer == 1) step %= length;
    for (; step >= length; length *= longer) step -= length;
    return along_cosine(base, least, static_cast<double>(step) / static_cast<double>(length));
  };
}

/// Checks OneCycleLR and CyclicLR: by default torch lets them move Adam's beta1 too.
void check_momentum_stays(OptimizerArgs& given, const char* name) {
  const bool cycles = given.flag("cycle_momentum", true);
  for (const char* unused : {"base_momentum", "max_momentum"}) given.number(unused, 0);
  check(!cycles, "--lr_scheduler_type ", name,
        " moves the optimiser's momentum (beta1) as well, which is not supported: ",
        "add cycle_momentum=False to --lr_scheduler_args");
}

// Smith & Topin 2017, arXiv:1708.07120, in torch's default of two phases, or in three. Rates are absolute.
ScheduledRate one_cycle_lr(OptimizerArgs& given, int64_t steps) {
  const double highest = given.needed_number("max_lr"), rising = given.number("pct_start", 0.3);
  const int64_t epochs = given.whole("epochs", 0, 1), steps_per_epoch = given.whole("steps_per_epoch", 0, 1);
  const int64_t total = given.whole("total_steps", epochs * steps_per_epoch, 1);
  const double first = highest / given.number("div_factor", 25), last = first / given.number("final_div_factor", 1e4);
  const bool three = given.flag("three_phase", false);
  const std::string anneal = given.text("anneal_strategy", "cos");
  check_momentum_stays(given, "OneCycleLR");
  check(anneal == "cos" || anneal == "linear",
        "--lr_scheduler_args anneal_strategy: expected 'cos' or 'linear', got \"", anneal, "\"");
  check(rising >= 0 && rising <= 1, "--lr_scheduler_args pct_start: expected 0 to 1, got ", rising);
  check(total > 0, "--lr_scheduler_type OneCycleLR needs --lr_scheduler_args total_steps=", steps,
        " (the steps of this run), or epochs=... and steps_per_epoch=...");
  check(steps <= total, "--lr_scheduler_type OneCycleLR ends after ", total, " steps, but the run has ", steps,
        ": set total_steps=", steps, " in --lr_scheduler_args");
  struct Phase {
    double end, from, to;  // steps; rates
  };
  const double up = rising * static_cast<double>(total) - 1, end = static_cast<double>(total) - 1;
  std::vector<Phase> phases = {{up, first, highest}};
  if (three) phases.push_back({2 * rising * static_cast<double>(total) - 2, highest, first});
  phases.push_back({end, three ? first : highest, last});
  const auto along = anneal == "cos" ? along_cosine : along_line;
  return [=](double, int64_t step) {
    const auto at = static_cast<double>(step);
    double start = 0;
    size_t i = 0;
    for (; i + 1 < phases.size() && at > phases[i].end; ++i) start = phases[i].end;
    const double length = phases[i].end - start;  // 0 if a phase is a single step
    return along(phases[i].from, phases[i].to, length != 0 ? (at - start) / length : 1);
  };
}

// Smith 2015, arXiv:1506.01186. Rates are absolute.
ScheduledRate cyclic_lr(OptimizerArgs& given, int64_t) {
  const double low = given.needed_number("base_lr"), high = given.needed_number("max_lr");
  const double up = given.number("step_size_up", 2000), down = given.optional_number("step_size_down").value_or(up);
  const double gamma = given.number("gamma", 1);
  const std::string mode = given.text("mode", "triangular");
  check_momentum_stays(given, "CyclicLR");
  check(mode == "triangular" || mode == "triangular2" || mode == "exp_range",
        "--lr_scheduler_args mode: expected 'triangular', 'triangular2' or 'exp_range', got \"", mode, "\"");
  check(up > 0 && down > 0, "--lr_scheduler_args: step_size_up and step_size_down must be above 0");
  return [=](double, int64_t step) {
    const auto at = static_cast<double>(step);
    const double cycle = std::floor(1 + at / (up + down)), part = 1 + at / (up + down) - cycle, top = up / (up + down);
    const double height = part <= top ? part / top : (part - 1) / (top - 1);
    const double scale = mode == "triangular2" ? std::pow(2, 1 - cycle) : mode == "exp_range" ? std::pow(gamma, at) : 1;
    return low + (high - low) * height * scale;
  };
}

struct Entry {
  std::string_view name;
  ScheduledRate (*make)(OptimizerArgs& given, int64_t steps);
};

constexpr Entry schedules[] = {
    {"ConstantLR", constant_lr},
    {"LinearLR", linear_lr},
    {"ExponentialLR", exponential_lr},
    {"StepLR", step_lr},
    {"MultiStepLR", multi_step_lr},
    {"PolynomialLR", polynomial_lr},
    {"CosineAnnealingLR", cosine_annealing_lr},
    {"CosineAnnealingWarmRestarts", cosine_annealing_warm_restarts},
    {"OneCycleLR", one_cycle_lr},
    {"CyclicLR", cyclic_lr},
};

/// The reason why a class of torch is not built; empty for a name that is not torch's.
std::string_view reason(std::string_view name) {
  if (name == "LambdaLR" || name == "MultiplicativeLR")
    return "it takes a Python function, which no command line holds";
  if (name == "ReduceLROnPlateau") return "its rate follows a measured loss, which sd-scripts never hands to it";
  if (name == "SequentialLR" || name == "ChainedScheduler")
    return "it takes other schedules, which no command line holds";
  return "";
}

}  // namespace

ScheduledRate make_torch_schedule(const std::string& type, std::span<const std::string> args, int64_t steps) {
  constexpr std::string_view path = "torch.optim.lr_scheduler.";
  std::string_view name = type;
  if (name.starts_with(path)) name.remove_prefix(path.size());
  std::string known;
  for (const Entry& entry : schedules) {
    known.append(known.empty() ? "" : ", ").append(entry.name);
    if (entry.name != name) continue;
    OptimizerArgs given(args, "--lr_scheduler_args");
    ScheduledRate rate = entry.make(given, steps);
    given.finish(std::string(name));
    return rate;
  }
  check(reason(name).empty(), "--lr_scheduler_type ", type, ": ", reason(name), "; there are ", known);
  const std::string_view own = schedule_of_python(type);
  check(own.empty(), "--lr_scheduler_type ", type, ": this schedule is --lr_scheduler ", own,
        ", with its own --lr_warmup_steps and other settings");
  fail("--lr_scheduler_type ", shortened(type), " is not built",
       nearest_hint(python_class(type), torch_schedule_names()),
       ": a schedule written in Python cannot be run; of torch.optim.lr_scheduler there are ", known,
       ". Leave it out and choose one of --lr_scheduler, where piecewise_constant takes any steps");
}

std::vector<std::string_view> torch_schedule_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : schedules) names.push_back(entry.name);
  return names;
}

}  // namespace rankine
