#include "optim/lr_schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "io/python_text.h"

namespace rankine {
namespace {

using Facts = LrScheduleFacts;

// The end of "polynomial" as an absolute learning rate (diffusers' default, which sd-scripts keeps).
constexpr double polynomial_end = 1e-7;

double ratio(int64_t part, int64_t whole) { return static_cast<double>(part) / std::max<int64_t>(1, whole); }
double warming_up(const Facts& f, int64_t step) { return ratio(step, f.warmup); }
// 0 at the end of the warm-up, 1 at the last step, more after it.
double progress(const Facts& f, int64_t step) { return ratio(step - f.warmup, f.steps - f.warmup); }
double half_cosine(double turns) { return 0.5 * (1 + std::cos(std::numbers::pi * turns)); }

double constant(const Facts&, int64_t) { return 1; }

double constant_with_warmup(const Facts& f, int64_t step) { return step < f.warmup ? warming_up(f, step) : 1; }

double linear(const Facts& f, int64_t step) {
  if (step < f.warmup) return warming_up(f, step);
  return std::max(0.0, ratio(f.steps - step, f.steps - f.warmup));
}

// Half a wave; past the end it rises again.
double cosine(const Facts& f, int64_t step) {
  if (step < f.warmup) return warming_up(f, step);
  return std::max(0.0, half_cosine(progress(f, step)));
}

double cosine_with_restarts(const Facts& f, int64_t step) {
  if (step < f.warmup) return warming_up(f, step);
  if (progress(f, step) >= 1) return 0;
  return std::max(0.0, half_cosine(std::fmod(f.cycles * progress(f, step), 1.0)));
}

double polynomial(const Facts& f, int64_t step) {
  if (step < f.warmup) return warming_up(f, step);
  if (step > f.steps) return polynomial_end / f.learning_rate;
  const double left = 1 - progress(f, step);
  return ((f.learning_rate - polynomial_end) * std::pow(left, f.power) + polynomial_end) / f.learning_rate;
}

double inverse_sqrt(const Facts& f, int64_t step) {
  if (step < f.warmup) return warming_up(f, step);
  return 1 / std::sqrt((static_cast<double>(step - f.warmup) + f.timescale) / f.timescale);
}

double cosine_with_min_lr(const Facts& f, int64_t step) {
  if (step < f.warmup) return warming_up(f, step);
  return std::max(0.0, half_cosine(f.cycles * progress(f, step)) * (1 - f.min_ratio) + f.min_ratio);
}

double warmup_stable_decay(const Facts& f, int64_t step) {
  if (step < f.warmup) return std::max(0.0, warming_up(f, step) * (1 - f.min_ratio) + f.min_ratio);
  const int64_t decay_start = f.steps - f.decay;
  if (step < decay_start) return 1;
  if (step >= f.steps) return f.min_ratio;
  const double turns = f.cycles * ratio(step - decay_start, f.decay);
  return std::max(0.0, half_cosine(turns) * (1 - f.min_ratio) + f.min_ratio);
}

double piecewise_constant(const Facts& f, int64_t step) {
  for (const auto& [factor, end] : f.rules) {
    if (step < end) return factor;
  }
  return f.last_rule;
}

struct Schedule {
  std::string_view name;
  double (*factor)(const Facts&, int64_t step);
};

constexpr Schedule schedules[] = {
    {"constant", constant},
    {"constant_with_warmup", constant_with_warmup},
    {"linear", linear},
    {"cosine", cosine},
    {"cosine_with_restarts", cosine_with_restarts},
    {"polynomial", polynomial},
    {"inverse_sqrt", inverse_sqrt},
    {"cosine_with_min_lr", cosine_with_min_lr},
    {"warmup_stable_decay", warmup_stable_decay},
    {"piecewise_constant", piecewise_constant},
    {"adafactor", constant},  // the optimiser chooses its rate
};

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == text.npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void read_step_rules(const std::string& text, Facts& facts) {
  check(!text.empty(), "lr_scheduler piecewise_constant needs --lr_scheduler_args step_rules=\"1:10,0.1:50,0.005\"");
  size_t start = 0;
  for (bool last = false; !last;) {
    const size_t comma = text.find(',', start);
    last = comma == text.npos;
    const std::string_view rule = std::string_view(text).substr(start, last ? text.npos : comma - start);
    start = comma + 1;
    const size_t colon = rule.find(':');
    const auto factor = read_number<double>(rule.substr(0, colon));
    const auto end = colon == rule.npos ? std::nullopt : read_number<int64_t>(rule.substr(colon + 1));
    check(factor && std::isfinite(*factor) && last == (colon == rule.npos) && last == !end, "step_rules \"", text,
          "\": \"", rule, "\" is wrong; expected FACTOR:STEP for each part and a last FACTOR for",
          " the rest, as in 1:10,0.1:50,0.005");
    if (last) {
      facts.last_rule = *factor;
    } else {
      facts.rules.emplace_back(*factor, end.value_or(0));
    }
  }
  std::stable_sort(facts.rules.begin(), facts.rules.end(), [](auto& a, auto& b) { return a.second < b.second; });
}

}  // namespace

int64_t StepCount::resolve(int64_t max_train_steps) const {
  return static_cast<int64_t>(is_share ? value * static_cast<double>(max_train_steps) : value);
}

std::string step_count_text(const StepCount& count) {
  return count.is_share ? python_text(count.value) : python_text(static_cast<int64_t>(count.value));
}

StepCount parse_step_count(std::string_view text, std::string_view option) {
  std::string_view digits = trimmed(text);
  const bool percent = digits.ends_with('%');
  if (percent) digits.remove_suffix(1);
  const std::optional<double> value = read_number<double>(digits);
  check(value && std::isfinite(*value) && *value >= 0, option, ": \"", text,
        "\" is neither a number of steps (500) nor a share of all steps (0.1 or 10%)");
  if (percent || *value < 1) {
    const double share = percent ? *value / 100 : *value;
    check(share < 1, option, ": a share of \"", text, "\" leaves no step; it must be below 100%");
    return {share, share != 0};
  }
  check(read_number<int64_t>(digits).has_value(), option, ": \"", text,
        "\" must be a whole number of steps without a decimal point, or a share below 1");
  return {*value, false};
}

LrSchedule::LrSchedule(const LrScheduleConfig& config) {
  if (!config.lr_scheduler_type.empty()) {
    torch_ = make_torch_schedule(config.lr_scheduler_type, config.lr_scheduler_args, config.max_train_steps);
    return;
  }
  const auto found = std::find_if(std::begin(schedules), std::end(schedules),
                                  [&](const Schedule& s) { return s.name == config.name; });
  if (found == std::end(schedules)) {
    std::string known;
    for (const Schedule& s : schedules) known.append(known.empty() ? "" : ", ").append(s.name);
    fail("lr_scheduler: \"", config.name, "\" is unknown; there are ", known);
  }
  factor_ = found->factor;
  facts_.steps = config.max_train_steps;
  facts_.warmup = config.lr_warmup_steps.resolve(config.max_train_steps);
  facts_.decay = config.lr_decay_steps.resolve(config.max_train_steps);
  facts_.learning_rate = config.learning_rate;
  facts_.cycles = config.lr_scheduler_num_cycles;
  facts_.power = config.lr_scheduler_power;
  facts_.min_ratio = config.lr_scheduler_min_lr_ratio.value_or(0);
  // The default time constant is the warm-up's length, and without a warm-up 10000, as in transformers.
  facts_.timescale =
      static_cast<double>(config.lr_scheduler_timescale.value_or(facts_.warmup > 0 ? facts_.warmup : int64_t{10000}));

  check(facts_.steps > 0, "lr_scheduler: max_train_steps must be above 0, got ", facts_.steps);
  check(facts_.cycles >= 1, "lr_scheduler_num_cycles must be at least 1, got ", config.lr_scheduler_num_cycles);
  check(facts_.timescale > 0, "lr_scheduler_timescale must be above 0, got ", facts_.timescale);
  check(config.name != "polynomial" || facts_.learning_rate > polynomial_end, "lr_scheduler polynomial falls to ",
        polynomial_end, ", but learning_rate is ", facts_.learning_rate, " already; choose a higher one");
  check(config.name != "cosine_with_min_lr" || config.lr_scheduler_min_lr_ratio,
        "lr_scheduler cosine_with_min_lr needs --lr_scheduler_min_lr_ratio, the floor as a share of the learning rate");
  check(config.name != "warmup_stable_decay" || facts_.warmup + facts_.decay <= facts_.steps,
        "lr_scheduler warmup_stable_decay: warm-up (", facts_.warmup, ") and decay (", facts_.decay,
        ") are together longer than max_train_steps (", facts_.steps, ")");
  if (config.name == "piecewise_constant") read_step_rules(config.step_rules, facts_);
}

std::vector<std::string_view> lr_schedule_names() {
  std::vector<std::string_view> names;
  for (const Schedule& s : schedules) names.push_back(s.name);
  return names;
}

}  // namespace rankine
