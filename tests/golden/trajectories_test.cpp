#include <doctest/doctest.h>

#include "backend/registry.h"
#include "golden/golden_model.h"
#include "models/synthetic.h"
#include "optim/lr_schedule.h"
#include "support/accounting.h"

using namespace rankine;
using namespace rankine::golden;

namespace {

void check_case(const TrajectoryCase& c) {
  GoldenModel model(model_layout(c.model));
  const auto accumulation = static_cast<int64_t>(c.options.number("gradient_accumulation_steps", 1));
  const std::vector<std::string> arguments = c.options.list("optimizer_args");
  const std::unique_ptr<Optimizer> optimizer = make_optimizer(c.options.text("optimizer_type", "AdamW"), arguments);
  StepSettings settings;
  settings.model = model.config();
  settings.modules = modules_of(model, c.rank, c.alpha, c.text_encoder, {});
  settings.clip_skip = static_cast<int64_t>(c.options.number("clip_skip", 1));
  settings.train_text_encoder = c.text_encoder;
  settings.accumulate = accumulation > 1;
  const double max_grad_norm = c.options.number("max_grad_norm", 1.0);
  LoraTrainer trainer(find_backend("cpu"), model.constants(), settings, *optimizer, max_grad_norm);
  const std::vector<LoraTensor> tensors = lora_tensors(settings.modules);
  std::map<std::string, std::vector<float>> start;
  for (const LoraTensor& t : tensors) {
    std::vector<float>& values = start[t.name];
    values.resize(static_cast<size_t>(count_of(t.shape)));
    if (t.name.ends_with("lora_down.weight")) synthetic_f32(t.name, t.shape, c.seed, values);
    trainer.set_weights(t.name, values);
  }

  LrScheduleConfig schedule_config;
  const double learning_rate = c.options.number("learning_rate", 0);
  schedule_config.name = c.options.text("lr_scheduler", "constant");
  schedule_config.learning_rate = learning_rate;
  schedule_config.max_train_steps = c.micro_batches / accumulation;
  if (c.options.has("lr_warmup_steps"))
    schedule_config.lr_warmup_steps = parse_step_count(c.options.text("lr_warmup_steps", "0"), "lr_warmup_steps");
  schedule_config.lr_scheduler_num_cycles = static_cast<int>(c.options.number("lr_scheduler_num_cycles", 1));
  schedule_config.lr_scheduler_power = c.options.number("lr_scheduler_power", 1);
  const LrSchedule schedule(schedule_config);
  const double unet_lr = c.options.number("unet_lr", learning_rate);
  const double text_lr = c.options.number("text_encoder_lr", learning_rate);

  const SafetensorsFile file = SafetensorsFile::open(c.tensors.string());
  for (int micro = 0; micro < c.micro_batches; ++micro) {
    CAPTURE(micro);
    const std::string prefix = (micro < 10 ? "step0" : "step") + std::to_string(micro) + ".";
    const StepResult result = trainer.step(step_inputs(file, prefix, c.options),
                                           1.0 / static_cast<double>(accumulation), micro % accumulation != 0);
    const auto index = static_cast<size_t>(micro);
    CHECK(std::abs(result.loss - c.loss[index]) < 1e-5 * c.loss[index]);
    if ((micro + 1) % accumulation != 0) continue;
    const int64_t step = micro / accumulation;
    const double norm = trainer.update(step + 1, {unet_lr * schedule.factor(step), text_lr * schedule.factor(step)});
    if (c.grad_norm[index]) CHECK(std::abs(norm - *c.grad_norm[index]) < 1e-4 * *c.grad_norm[index]);
  }

  L2Error up, down;
  for (const LoraTensor& t : tensors) {
    CAPTURE(t.name);
    if (!file.find("final." + t.name)) continue;
    std::vector<float> got = trainer.weights(t.name, count_of(t.shape)), expected = file.read_f32("final." + t.name);
    for (size_t i = 0; i < got.size(); ++i) {  // the change, not the value
      got[i] -= start[t.name][i];
      expected[i] -= start[t.name][i];
    }
    L2Error single;
    single.add(got, expected);
    CHECK(single.relative() < 1e-2);
    (t.name.ends_with("lora_up.weight") ? up : down).add(got, expected);
  }
  MESSAGE(c.name, ": change of lora_up off by ", up.relative(), ", of lora_down by ", down.relative());
  CHECK(up.relative() < 1e-3);
  CHECK(down.relative() < 1e-3);
}

}  // namespace

TEST_CASE("training over the recorded batches gives the recorded losses and weights") {
  for (const TrajectoryCase& c : trajectory_cases()) {
    CAPTURE(c.name);
    const ModelLayout layout = model_layout(c.model);
    std::string reason = family_is_built(layout) ? first_unsupported(c.options, built_step_options()) : layout.kind;
    if (reason.empty() && !c.network_args.all().empty()) reason = c.network_args.all().begin()->first;
    if (reason.empty() && !std::filesystem::exists(c.tensors)) reason = "no tensors";
    if (!reason.empty()) {
      skipped(c.name, reason);
      continue;
    }
    check_case(c);
    ran(c.name);
  }
}
