#include "optim/lr_schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "optim/update_run.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using Json = nlohmann::ordered_json;

namespace {

/// key="value" of an option that passes Python literals.
std::string literal_of(const Json& list, const std::string& key) {
  for (const Json& item : list) {
    const auto text = item.get<std::string>();
    if (text.starts_with(key + "=\"") && text.ends_with('"'))
      return text.substr(key.size() + 2, text.size() - key.size() - 3);
  }
  return {};
}

LrScheduleConfig config_of(const Json& entry) {
  const Json& args = entry.at("args");
  const auto steps = [&](const char* key) {
    return args.contains(key) ? parse_step_count(args.at(key).dump(), key) : StepCount{};
  };
  LrScheduleConfig c;
  c.name = entry.at("scheduler").get<std::string>();
  c.learning_rate = entry.at("base_lr").get<double>();
  c.max_train_steps = entry.at("max_train_steps").get<int64_t>();
  c.lr_warmup_steps = steps("lr_warmup_steps");
  c.lr_decay_steps = steps("lr_decay_steps");
  c.lr_scheduler_num_cycles = args.value("lr_scheduler_num_cycles", 1);
  c.lr_scheduler_power = args.value("lr_scheduler_power", 1.0);
  if (args.contains("lr_scheduler_timescale")) c.lr_scheduler_timescale = args.at("lr_scheduler_timescale");
  if (args.contains("lr_scheduler_min_lr_ratio")) c.lr_scheduler_min_lr_ratio = args.at("lr_scheduler_min_lr_ratio");
  if (args.contains("lr_scheduler_args")) c.step_rules = literal_of(args.at("lr_scheduler_args"), "step_rules");
  return c;
}

std::string text_of_error(const LrScheduleConfig& config) {
  try {
    LrSchedule{config};
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

/// The rates that Adafactor tells, as they were recorded: those of a single number that starts at 0, with a gradient of
/// 1, each one step late, behind the given rate.
std::vector<double> adafactor_rates(double given, size_t count) {
  UpdateRun run("Adafactor", {}, {{1}});
  run.set(0, {0});
  std::vector<double> rates = {given};
  while (rates.size() < count) {
    run.update({{1}}, given);
    rates.push_back(run.output("lr.unet"));
  }
  return rates;
}

}  // namespace

TEST_CASE("every schedule gives the recorded learning rates, past its end too") {
  const auto cases = golden::read_reference_json("lr_schedules.json");
  const auto names = lr_schedule_names();
  for (size_t n = 0; n < cases.size(); ++n) {
    const auto scheduler = cases[n].at("scheduler").get<std::string>();
    const std::string case_name = "lr_schedules." + std::to_string(n) + "." + scheduler;
    CAPTURE(case_name);
    CAPTURE(cases[n].at("args").dump());
    if (std::find(names.begin(), names.end(), scheduler) == names.end()) {
      golden::skipped(case_name, "lr_scheduler " + scheduler);
      continue;
    }
    golden::ran(case_name);
    const LrScheduleConfig config = config_of(cases[n]);
    const LrSchedule schedule(config);
    const auto values = cases[n].at("values").get<std::vector<double>>();
    const bool by_optimizer = scheduler == "adafactor";
    const auto told =
        by_optimizer ? adafactor_rates(config.learning_rate, values.size()) : std::vector<double>(values.size());
    for (size_t k = 0; k < values.size(); ++k) {
      CAPTURE(k);
      const double rate = by_optimizer ? told[k] : schedule.rate(config.learning_rate, static_cast<int64_t>(k));
      REQUIRE(std::abs(rate - values[k]) <= 1e-6 * std::abs(values[k]));
    }
  }
}

TEST_CASE("a number of steps is read as steps, as a share or as a percentage") {
  const auto resolved = [](const char* text) { return parse_step_count(text, "lr_warmup_steps").resolve(200); };
  CHECK(resolved("0") == 0);
  CHECK(resolved("500") == 500);
  CHECK(resolved("1") == 1);
  CHECK(resolved("0.1") == 20);
  CHECK(resolved(".05") == 10);
  CHECK(resolved("10%") == 20);
  CHECK(resolved("12.5%") == 25);
  CHECK(resolved("0.009") == 1);
  for (const char* wrong : {"", "ten", "1.0", "1.5", "-1", "-0.1", "100%", "10%%", "5 steps", "nan", "inf"}) {
    CAPTURE(wrong);
    CHECK_THROWS_WITH_AS(parse_step_count(wrong, "lr_warmup_steps"), doctest::Contains("lr_warmup_steps"), Error);
  }
}

TEST_CASE("schedules that cannot work are refused with what to change") {
  CHECK(text_of_error({.name = "cosin"}).find("cosine_with_restarts") != std::string::npos);
  CHECK(text_of_error({.name = "polynomial", .learning_rate = 1e-8}).find("learning_rate") != std::string::npos);
  CHECK(text_of_error({.name = "cosine_with_min_lr"}).find("lr_scheduler_min_lr_ratio") != std::string::npos);
  CHECK(text_of_error({.name = "warmup_stable_decay", .max_train_steps = 10, .lr_decay_steps = {11, false}}) != "");
  CHECK(text_of_error({.name = "linear", .max_train_steps = 0}) != "");
  CHECK(text_of_error({.name = "cosine_with_restarts", .lr_scheduler_num_cycles = 0}) != "");
  for (const char* rules : {"", "1:10", "1:10,0.5:20", "0.1,0.2", "1:x,0.1", "a:10,0.1", "1:10,,0.1"}) {
    CAPTURE(rules);
    CHECK(text_of_error({.name = "piecewise_constant", .step_rules = rules}).find("step_rules") != std::string::npos);
  }
}
