#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "backend/registry.h"
#include "golden/golden_model.h"
#include "graph/op.h"
#include "models/checkpoint/synthetic.h"
#include "optim/lr_schedule.h"
#include "support/accounting.h"

using namespace rankine;
using namespace rankine::golden;

namespace {

const std::vector<KnownOption> built_network_args = {{"loraplus_lr_ratio"}};

/// The recorded group names and the trainer's.
const std::map<std::string, std::string> group_names = {{"unet", "unet"},
                                                        {"unet plus", "unet_plus"},
                                                        {"textencoder", "text_encoder"},
                                                        {"textencoder plus", "text_encoder_plus"}};

std::unique_ptr<Optimizer> optimizer_of(const TrajectoryCase& c) {
  const std::vector<std::string> arguments = c.options.list("optimizer_args");
  return make_optimizer(c.options.text("optimizer_type", "AdamW"), arguments);
}

LrSchedule schedule_of(const TrajectoryCase& c, int64_t steps) {
  LrScheduleConfig config;
  config.name = c.options.text("lr_scheduler", "constant");
  config.learning_rate = c.options.number("learning_rate", 0);
  config.max_train_steps = steps;
  if (c.options.has("lr_warmup_steps"))
    config.lr_warmup_steps = parse_step_count(c.options.text("lr_warmup_steps", "0"), "lr_warmup_steps");
  config.lr_scheduler_num_cycles = static_cast<int>(c.options.number("lr_scheduler_num_cycles", 1));
  config.lr_scheduler_power = c.options.number("lr_scheduler_power", 1);
  return LrSchedule(config);
}

UpdateSettings update_settings_of(const TrajectoryCase& c) {
  UpdateSettings settings{.max_grad_norm = c.options.number("max_grad_norm", 1.0)};
  if (c.options.has("scale_weight_norms")) settings.scale_weight_norms = c.options.number("scale_weight_norms", 0);
  if (c.network_args.has("loraplus_lr_ratio"))
    settings.unet_plus_ratio = settings.text_encoder_plus_ratio = c.network_args.number("loraplus_lr_ratio", 1);
  return settings;
}

bool is_close(double value, double expected, double tolerance) {
  return std::abs(value - expected) <= tolerance * std::abs(expected);
}

/// The rates in force and what the optimiser told, as recorded. An optimiser that chooses the rate itself is recorded
/// one update late: `told_before` is of the update before, and empty at first, when the given rate was recorded. Others
/// told the rate of that update.
void check_rates(const TrajectoryCase& c, size_t micro, const LearningRates& rates, const UpdateSettings& settings,
                 const std::map<std::string, double>& told_before, bool chooses_rate) {
  REQUIRE(c.lr[micro].size() == c.lr_descriptions.size());
  for (size_t g = 0; g < c.lr_descriptions.size(); ++g) {
    CAPTURE(c.lr_descriptions[g]);
    const std::string& group = group_names.at(c.lr_descriptions[g]);
    const bool text = group.starts_with("text_encoder");
    double rate = text ? rates.text_encoder : rates.unet;
    if (group.ends_with("_plus")) rate *= (text ? settings.text_encoder_plus_ratio : settings.unet_plus_ratio).value();
    if (const auto told = told_before.find("lr." + group); chooses_rate && told != told_before.end())
      rate = told->second;
    CHECK(is_close(rate, c.lr[micro][g], 1e-6));
  }
}

/// With Lion the sign of an update near zero may flip, or become that of zero: a few elements may be off by 2 lr or by
/// lr, and those are set aside.
/// `got` and `expected` are changes since the start.
int64_t set_flips_aside(std::vector<float>& got, const std::vector<float>& expected, double lr) {
  int64_t flips = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double off = std::abs(static_cast<double>(got[i]) - expected[i]);
    if (off < 0.5 * lr) continue;
    CHECK((is_close(off, lr, 1e-2) || is_close(off, 2 * lr, 1e-2)));
    got[i] = expected[i];
    ++flips;
  }
  return flips;
}

void check_change(const TrajectoryCase& c, const TrainingStep& trainer, const std::vector<LoraTensor>& tensors,
                  const std::map<std::string, std::vector<float>>& start, const SafetensorsFile& file) {
  L2Error up, down;
  int64_t flips = 0, elements = 0;
  const bool lion = c.options.text("optimizer_type", "") == "Lion";
  for (const LoraTensor& t : tensors) {
    CAPTURE(t.name);
    if (!file.find("final." + t.name)) continue;
    std::vector<float> got = trainer.evaluation_weights(t.name, count_of(t.shape)),
                       expected = file.read_f32("final." + t.name);
    for (size_t i = 0; i < got.size(); ++i) {  // the change, not the value
      got[i] -= start.at(t.name)[i];
      expected[i] -= start.at(t.name)[i];
    }
    if (lion) {
      const char* rate = t.name.starts_with("lora_te") ? "text_encoder_lr" : "unet_lr";
      flips += set_flips_aside(got, expected, c.options.number(rate, c.options.number("learning_rate", 0)));
    }
    elements += count_of(t.shape);
    L2Error single;
    single.add(got, expected);
    CHECK(single.relative() < 1e-2);
    (t.name.ends_with("lora_up.weight") ? up : down).add(got, expected);
  }
  MESSAGE(c.name, ": change of lora_up off by ", up.relative(), ", of lora_down by ", down.relative(), "; ", flips,
          " flips of ", elements);
  CHECK(up.relative() < 1e-3);
  CHECK(down.relative() < 1e-3);
  CHECK(flips * 1000 < elements);
}

void check_case(const TrajectoryCase& c, const Backend& backend) {
  GoldenModel model(model_layout(c.model));
  const auto accumulation = static_cast<int64_t>(c.options.number("gradient_accumulation_steps", 1));
  const std::unique_ptr<Optimizer> optimizer = optimizer_of(c);
  StepSettings settings;
  settings.model = model.model();
  settings.layers = modules_of(model, c.rank, c.alpha, c.text_encoder, {});
  settings.clip_skip = static_cast<int64_t>(c.options.number("clip_skip", 1));
  settings.train_text_encoder = c.text_encoder;
  settings.accumulate = accumulation > 1;
  const UpdateSettings update_settings = update_settings_of(c);
  TrainingStep trainer(backend, model.constants(), settings, *optimizer, update_settings);
  const std::vector<LoraTensor> tensors = lora_tensors(settings.layers);
  std::map<std::string, std::vector<float>> start;
  for (const LoraTensor& t : tensors) {
    std::vector<float>& values = start[t.name];
    values.resize(static_cast<size_t>(count_of(t.shape)));
    if (t.name.ends_with("lora_down.weight")) synthetic_f32(t.name, t.shape, c.seed, values);
    trainer.set_weights(t.name, values);
  }

  const LrSchedule schedule = schedule_of(c, c.micro_batches / accumulation);
  const double learning_rate = c.options.number("learning_rate", 0);
  const double unet_lr = c.options.number("unet_lr", learning_rate);
  const double text_lr = c.options.number("text_encoder_lr", learning_rate);
  const SafetensorsFile file = SafetensorsFile::open(c.tensors.string());
  std::map<std::string, double> told;
  for (int micro = 0; micro < c.micro_batches; ++micro) {
    CAPTURE(micro);
    const std::string prefix = (micro < 10 ? "step0" : "step") + std::to_string(micro) + ".";
    const StepResult result = trainer.step(step_inputs(model, file, prefix, c.options),
                                           1.0 / static_cast<double>(accumulation), micro % accumulation != 0);
    const auto index = static_cast<size_t>(micro);
    CHECK(is_close(result.loss, c.loss[index], 1e-5));
    const int64_t step = micro / accumulation;
    const double factor = optimizer->takes_lr_schedule() ? schedule.rate(1, step) : 1.0;
    const LearningRates rates = {unet_lr * factor, text_lr * factor};
    const bool chooses_rate = optimizer->finds_own_rate();
    check_rates(c, index, rates, update_settings, told, chooses_rate);
    if ((micro + 1) % accumulation != 0) continue;
    const double norm = trainer.update(step + 1, rates);
    if (c.grad_norm[index]) CHECK(is_close(norm, *c.grad_norm[index], 1e-4));
    told.clear();
    for (const auto& [name, value] : trainer.update_values()) told[name] = value;
    if (c.lr_descriptions.size() > 1 && !chooses_rate)  // every group is told, at the rate just used
      CHECK(is_close(told.at("lr.unet"), rates.unet, 1e-6));
    if (!c.d.empty()) CHECK(is_close(told.at("d"), c.d[index].at(0), 1e-4));
    if (!c.max_norm.empty()) {
      CHECK(told.at("max_norm/keys_scaled") == c.max_norm[index].at(0));
      CHECK(is_close(told.at("max_norm/average_key_norm"), c.max_norm[index].at(1), 1e-4));
      CHECK(is_close(told.at("max_norm/max_key_norm"), c.max_norm[index].at(2), 1e-6));
    }
  }
  check_change(c, trainer, tensors, start, file);
}

}  // namespace

TEST_CASE("training over the recorded batches gives the recorded losses and weights") {
  size_t index = 0;
  for (const TrajectoryCase& c : trajectory_cases()) {
    if (!golden::is_taken(index++, 5)) continue;
    CAPTURE(c.name);
    std::string reason = reason_to_skip(c.model);
    if (reason.empty()) reason = first_unsupported(c.options, built_step_options());
    if (reason.empty()) reason = first_unsupported(c.network_args, built_network_args);
    if (reason.empty() && !std::filesystem::exists(c.tensors)) reason = "no tensors";
    if (!reason.empty()) {
      skipped(c.name, reason);
      continue;
    }
    check_case(c, find_backend("cpu"));
    ran(c.name);
  }
}

/// The processor without its fused updates: a new device on its first day has the elementary ops alone.
class ElementaryDevice : public DeviceModel {
 public:
  bool has_kernel(const OpDef& op) const override { return op.decompose == nullptr && cpu_.has_kernel(op); }
  std::vector<WeightForm> forms(const Node& node, const Value& weight) const override {
    return cpu_.forms(node, weight);
  }
  double seconds(const Node& node) const override { return cpu_.seconds(node); }
  size_t working_bytes(const Node& node) const override { return cpu_.working_bytes(node); }
  std::span<const Pass> passes() const override { return cpu_.passes(); }
  DeviceMemory memory() const override { return cpu_.memory(); }
  size_t program_bytes() const override { return cpu_.program_bytes(); }

 private:
  const DeviceModel& cpu_ = find_backend("cpu").device();
};

TEST_CASE("training gives the recorded weights, too, where the updates are made of elementary ops") {
  Backend elementary = find_backend("cpu");
  elementary.device = []() -> const DeviceModel& {
    static const ElementaryDevice device;
    return device;
  };
  std::set<std::string> optimizers;  // the first case of each
  for (const TrajectoryCase& c : trajectory_cases()) {
    CAPTURE(c.name);
    const bool is_built =
        reason_to_skip(c.model).empty() && first_unsupported(c.options, built_step_options()).empty() &&
        first_unsupported(c.network_args, built_network_args).empty() && std::filesystem::exists(c.tensors);
    const std::string kind =
        c.options.text("optimizer_type", "AdamW") + (c.options.has("scale_weight_norms") ? " limited" : "");
    if (is_built && optimizers.insert(kind).second && golden::is_taken(optimizers.size(), 4)) check_case(c, elementary);
  }
  if (reads_shipped_folder()) CHECK(optimizers.size() >= 8);
}
