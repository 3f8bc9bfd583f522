#include "measure/step_benchmark.h"

#include <cmath>
#include <iomanip>

#include "backend/registry.h"
#include "base/rng.h"
#include "base/timer.h"
#include "measure/bench_model.h"
#include "measure/op_table.h"
#include "measure/timings.h"
#include "optim/adamw.h"
#include "run/step_plan.h"
#include "step/fit_memory.h"
#include "step/training_step.h"

namespace rankine {
namespace {

/// The settings of a run that trains such an adapter.
TrainConfig run_config(const StepBenchmarkConfig& c) {
  TrainConfig config;
  config.step = c.step;
  config.network.network_dim = c.rank;
  config.network.network_alpha = c.rank;
  config.network.network_train_unet_only = !c.train_text_encoder;
  return config;
}

/// Makes the step fit the budget, and prints what that costs.
void fit_budget(const StepBenchmarkConfig& c, const DeviceModel& device, StepSettings& settings, const StepShape& shape,
                std::ostream& out) {
  const Timer timer;
  const MemoryChoice choice = choose_memory(settings, c.step, device, shape, 0);
  out << "memory: " << choice.recomputed.size() << " activations recomputed, " << choice.weights_in("direct")
      << " convolutions kept direct, " << choice.weights_in("plain") << " weights kept plain, "
      << choice.weights_in("mapped") << " left in the file, expected to add " << choice.added_seconds
      << " s and to take " << (fixed_bytes(settings, device) + choice.bytes()) / 1000000 << " MB in all ("
      << choice.weights / 1000000 << " weights, " << choice.activations / 1000000 << " activations, "
      << choice.working / 1000000 << " scratch); chosen in " << timer.seconds() << " s\n";
}

/// Adapter weights of a size that trained ones have.
void set_made_up_weights(TrainingStep& trainer) {
  for (const AdaptedLayer& layer : trainer.settings().layers) {
    Rng rng(1, purpose::adapter_init, layer.key.size());
    for (const AdapterTensor& tensor : trainer.settings().adapter->tensors(layer)) {
      std::vector<float> values(static_cast<size_t>(count_of(tensor.shape)));
      for (float& x : values) x = 0.02f * (rng.uniform() - 0.5f);
      trainer.set_weights(tensor_name(layer, tensor), values);
    }
  }
}

/// A caption of one chunk, of the same token everywhere.
std::vector<int32_t> made_up_caption(const Model& model) {
  return std::vector<int32_t>(static_cast<size_t>(count_of(model.ids_shape(1))), 320);
}

StepInputs made_up_inputs(const StepBenchmarkConfig& c, const StepSettings& settings, const StepShape& shape) {
  StepInputs in;
  in.shape = shape;
  Rng rng(1, purpose::noise);
  in.noisy_latents.resize(static_cast<size_t>(settings.latent_numbers(shape)));
  in.target.resize(in.noisy_latents.size());
  rng.fill_normal(in.noisy_latents);
  rng.fill_normal(in.target);
  in.timesteps.assign(static_cast<size_t>(c.batch), 500.0f);
  in.loss_weights.assign(static_cast<size_t>(c.batch), 1.0f);
  const std::vector<int32_t> caption = made_up_caption(*settings.model);
  const auto sizes = size_numbers(PictureSizes::whole({static_cast<int>(c.width), static_cast<int>(c.height)}));
  for (int64_t i = 0; i < c.batch; ++i) {
    in.ids.insert(in.ids.end(), caption.begin(), caption.end());
    in.sizes.insert(in.sizes.end(), sizes.begin(), sizes.end());
  }
  return in;
}

}  // namespace

void benchmark_step(const StepBenchmarkConfig& c, std::ostream& out) {
  const Backend& backend = find_backend(c.step.device);
  const BenchModel model = open_bench_model(c.checkpoint);
  StepSettings settings = step_settings(run_config(c), model.model, model.model->tensors());
  settings.in_file = weights_in_file(*model.weights, *model.model);
  const Size latents = model.model->latents().of({static_cast<int>(c.width), static_cast<int>(c.height)});
  const StepShape shape{c.batch, latents.height, latents.width, 1};
  if (!c.step.memory_budget.empty()) fit_budget(c, backend.device(), settings, shape, out);
  const std::unique_ptr<Optimizer> optimizer = make_adamw({});
  Timer timer;
  TrainingStep trainer(backend, *model.weights, settings, *optimizer, UpdateSettings{});
  set_made_up_weights(trainer);
  const StepInputs in = made_up_inputs(c, settings, shape);
  const DeviceLimits limits = backend.limits(settings.compute);
  timer.restart();
  trainer.encode_captions({made_up_caption(*settings.model)});  // as a run with fixed captions does
  trainer.prepare(in.shape);
  const double prepare_seconds = timer.seconds();

  std::vector<double> seconds;
  const LearningRates rates{1e-4, 1e-4};
  for (int step = 0; step <= c.steps; ++step) {
    timer.restart();
    const StepResult result = trainer.step(in);
    trainer.update(step + 1, rates);
    seconds.push_back(timer.seconds());
    check(std::isfinite(result.loss), "the loss is not finite");
  }
  const Timings time = timings_of(std::move(seconds));

  const OpTable table(trainer.profile(in), limits, c.by_shape);
  table.print(out, "forward + backward");
  out << "arithmetic of a step at its median time: " << std::setprecision(0)
      << 100.0 * table.share_of_limit(time.median) << "% of that product's rate\n";
  const MemoryUse memory = trainer.memory();
  out << std::setprecision(3) << "step: median " << time.median << " s, best " << time.best << " s, first "
      << time.first << " s; prepared in " << prepare_seconds << " s\n"
      << std::setprecision(1) << "memory: weights " << static_cast<double>(memory.weights) / 1e6
      << " MB, LoRA and optimiser " << static_cast<double>(memory.variables) / 1e6 << " MB, activations "
      << static_cast<double>(memory.arena) / 1e6 << " MB, scratch " << static_cast<double>(memory.scratch) / 1e6
      << " MB\n";
}

}  // namespace rankine
