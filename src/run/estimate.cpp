#include "run/estimate.h"

#include <map>

#include "backend/registry.h"
#include "data/latent_plan.h"
#include "graph/op.h"
#include "run/batch_source.h"
#include "run/fixed_captions.h"
#include "run/latent_cache.h"
#include "run/step_plan.h"
#include "run/validation.h"
#include "step/latent_encoder.h"
#include "step/step_graph.h"
#include "step/training_step.h"
#include "step/update_graph.h"

namespace rankine {
namespace {

/// The null backend reads no weights.
class NoWeights : public ConstantSource {
 public:
  void read(std::string_view name, const Shape&, std::span<float>) override {
    fail("a plan was about to read the weight \"", name, "\"");
  }
};

struct Work {
  double flops = 0, seconds = 0;
  Work& operator+=(const Work& more) {
    flops += more.flops;
    seconds += more.seconds;
    return *this;
  }
  Work times(double count) const { return {flops * count, seconds * count}; }
};

Work work_of(Graph& graph, const DeviceModel& device) {
  Work work;
  for (const Node& node : graph.nodes()) work += {flops_of_node(node), device.seconds(node)};
  return work;
}

/// The seconds of a graph that `build` makes.
template <class Build>
double seconds_of(const DeviceModel& device, const Build& build) {
  Graph graph;
  build(graph);
  return work_of(graph, device).seconds;
}

/// One update of the weights: its norm, the optimiser, and what follows it.
Work update_work(const RunPlan& plan, const DeviceModel& device) {
  Graph step, norm, update;
  const std::vector<Value> trained = build_step_graph(step, plan.step, plan.shapes.front());
  const std::vector<UpdatedVariable> updated =
      updated_variables(trained, parameter_groups(plan.step, plan.update), !plan.optimizer->needs_tensors());
  build_grad_norm_graph(norm, updated);
  build_update_graph(update, updated, *plan.optimizer, plan.update.max_grad_norm);
  Work work = work_of(norm, device);
  work += work_of(update, device);
  return work;
}

/// All batches of an epoch.
Work epoch_work(const RunPlan& plan, const DeviceModel& device) {
  Work all;
  for (const auto& [shape, batches] : batches_by_shape(plan.data, token_chunks(plan.config.model.max_token_length))) {
    Graph graph;
    build_step_graph(graph, plan.step, shape);
    all += work_of(graph, device).times(static_cast<double>(batches));
  }
  return all;
}

/// Seconds of encoding one picture, by its size.
class EncodeSeconds {
 public:
  explicit EncodeSeconds(const RunPlan& plan) : plan_(plan) {}
  double operator()(Size size) {
    const auto [entry, added] = known_.try_emplace(size, 0.0);
    const DeviceModel& device = plan_.backend->device();
    if (added)
      entry->second = seconds_of(device, [&](Graph& graph) { build_encoder_graph(graph, plan_.vae, device, size); });
    return entry->second;
  }

 private:
  const RunPlan& plan_;
  std::map<Size, double> known_;
};

/// The encoder of latents: the bytes that it holds, and its seconds for every picture of the cache or of the run.
void add_encoder(RunEstimate& estimate, const RunPlan& plan, double epochs) {
  NoWeights none;
  LatentEncoder encoder(null_backend(), none, plan.vae);
  EncodeSeconds seconds(plan);
  const bool cached = plan.config.data.cache_latents;
  for (const Dataset& dataset : plan.data.datasets)
    for (const Bucket& bucket : dataset.buckets) {
      encoder.prepare(bucket.size);
      if (!cached) estimate.encode_seconds += epochs * static_cast<double>(bucket.count) * seconds(bucket.size);
    }
  if (cached) {
    for (const LatentItem& item : plan_latents(plan.data, plan.config.data.cache_latents_to_disk).items)
      estimate.encode_seconds += seconds(item.recipe.bucket) * (item.needs.flipped ? 2 : 1);
    estimate.bytes.cached_latents =
        static_cast<size_t>(planned_latent_bytes(plan.data, plan.config.data.cache_latents_to_disk));
  }
  (cached ? estimate.bytes.caching : estimate.bytes.encoder) = encoder.memory().total();
}

/// A frozen text encoder reads known captions once. Captions that vary are read as often as they are drawn.
void add_texts(RunEstimate& estimate, const RunPlan& plan, double epochs, const DeviceModel& device) {
  if (plan.step.train_text_encoder) return;
  const TextShape text = plan.shapes.front().text();
  const double one = seconds_of(device, [&](Graph& graph) { build_text_graph(graph, plan.step, 1, text); });
  double count = static_cast<double>(plan.captions.size());
  if (plan.captions.empty())
    for (const auto& [shape, batches] : batches_by_shape(plan.data, text.chunks))
      count += epochs * static_cast<double>(batches * shape.batch);
  estimate.text_seconds = one * count;
}

/// The U-Net's calls and the decoder of each sample picture.
void add_previews(RunEstimate& estimate, const RunPlan& plan, TrainingStep& step, const DeviceModel& device) {
  if (plan.previews.empty()) return;
  NoWeights none;
  const PreviewMaker maker(
      {plan.config.preview, {}, Prediction::epsilon, plan.vae, null_backend(), none, step, plan.saved, ""},
      plan.previews);
  estimate.bytes.previews = maker.more_bytes();
  double once = 0;
  for (const Preview& preview : plan.previews) {
    const ImageRequest& request = preview.request;
    StepShape shape = request.shape(plan.step.model->latents(), 1);
    shape.batch = request.guided() ? 2 : 1;
    once += request.steps * seconds_of(device, [&](Graph& graph) { build_denoiser_graph(graph, plan.step, shape); });
    once += seconds_of(device, [&](Graph& graph) {
      build_decoder_graph(graph, plan.vae, device, {request.width, request.height});
    });
  }
  estimate.preview_seconds =
      once * static_cast<double>(maker.times_due(plan.start.step, plan.length.steps, plan.length.steps_per_epoch()));
}

/// The encoding of held-out pictures and the forward passes of all validations.
void add_validation(RunEstimate& estimate, const RunPlan& plan, const DeviceModel& device) {
  if (!plan.data.validation) return;
  const TrainingData& held_out = *plan.data.validation;
  EncodeSeconds encode(plan);
  double once = 0;
  for (const PlannedBatch& batch : validation_batches(plan.config.validation, held_out)) {
    const Size size = held_out.datasets[static_cast<size_t>(batch.dataset)].buckets[batch.bucket].size;
    StepShape shape = empty_batch(held_out.latents, size, plan.shapes.front().chunks).shape;
    shape.batch = std::ssize(batch.draws);
    estimate.validation_seconds += encode(size) * static_cast<double>(shape.batch);
    once += seconds_of(device, [&](Graph& graph) { build_validation_graph(graph, plan.step, shape); });
  }
  const LossConfig loss = loss_config(plan.config);
  const int64_t timesteps = NoiseScheduleConfig{}.num_train_timesteps;
  once *= static_cast<double>(validation_timesteps(loss.noise, timesteps).size());
  for (int64_t step = plan.start.step + 1; step <= plan.length.steps; ++step)
    if (validation_due(plan.config.validation, plan.length, step).any()) estimate.validation_seconds += once;
}

void add_step(RunEstimate& estimate, const RunPlan& plan, TrainingStep& step) {
  if (!plan.captions.empty()) step.encode_captions({});  // known beforehand: the text encoder does not stay
  for (const StepShape& shape : plan.shapes) step.prepare(shape);
  const MemoryUse use = step.memory();
  EstimatedBytes& bytes = estimate.bytes;
  bytes.frozen_weights = use.weights;
  bytes.activations = use.arena;
  bytes.working = use.scratch;
  size_t lasting = 0;
  for (const auto& [name, count] : step.state_variables()) lasting += static_cast<size_t>(count) * sizeof(float);
  for (const AdaptedLayer& layer : plan.step.layers)
    bytes.adapter += static_cast<size_t>(parameter_count(*plan.step.adapter, layer)) * sizeof(float);
  bytes.optimizer_state = lasting - bytes.adapter;
  bytes.gradients = use.variables - lasting;
  bytes.captions = caption_bytes(plan.step, plan.captions);
}

}  // namespace

RunEstimate estimate_run(const RunPlan& plan) {
  const DeviceModel& device = plan.backend->device();
  RunEstimate estimate;
  NoWeights none;
  TrainingStep step(null_backend(), none, plan.step, *plan.optimizer, plan.update);
  add_step(estimate, plan, step);
  add_previews(estimate, plan, step, device);

  const auto steps_per_epoch = static_cast<double>(plan.length.steps_per_epoch());
  const Work epoch = epoch_work(plan, device);
  const auto steps = static_cast<double>(plan.length.steps - plan.start.step);
  estimate.step_flops = epoch.flops / steps_per_epoch;
  estimate.step_seconds = epoch.seconds / steps_per_epoch + update_work(plan, device).seconds;
  add_encoder(estimate, plan, steps / steps_per_epoch);
  add_texts(estimate, plan, steps / steps_per_epoch, device);
  add_validation(estimate, plan, device);
  estimate.seconds = steps * estimate.step_seconds + estimate.encode_seconds + estimate.text_seconds +
                     estimate.preview_seconds + estimate.validation_seconds;
  return estimate;
}

}  // namespace rankine
