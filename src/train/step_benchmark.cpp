#include "train/step_benchmark.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <optional>

#include "backend/registry.h"
#include "base/rng.h"
#include "base/timer.h"
#include "graph/op.h"
#include "graph/ops/ops.h"
#include "models/layout.h"
#include "optim/adamw.h"
#include "train/checkpoint_constants.h"
#include "train/lora_trainer.h"
#include "train/memory_choice.h"
#include "train/run_setup.h"

namespace rankine {
namespace {

/// Weights of about the size that trained ones have, made quickly: speed does not depend on them.
class MadeUpConstants : public ConstantSource {
 public:
  void read(std::string_view, const Shape& shape, std::span<float> out) override {
    const float size =
        shape.size() < 2 ? 0.02f : std::sqrt(3.0f * static_cast<float>(shape[0]) / static_cast<float>(count_of(shape)));
#pragma omp parallel for
    for (size_t i = 0; i < out.size(); ++i) {
      const uint32_t hash = static_cast<uint32_t>(i) * 2654435761u;
      out[i] = size * (static_cast<float>((hash ^ (hash >> 15)) & 0xffffu) / 32768.0f - 1.0f) +
               (shape.size() == 1 ? 1.0f : 0.0f);
    }
  }
};

struct Row {
  int calls = 0;
  double seconds = 0, flops = 0, bytes = 0;
  double least_seconds = 0;  ///< at this machine's limits
};

/// "linear 4096 x 320 -> 320": what a reader wants to know of a node.
std::string kind_of(const Node& node) {
  std::string kind(node.op().name);
  if (&node.op() == &conv2d_op || &node.op() == &conv2d_grad_x_op)
    kind += node.input(1).dim(2) == 1 ? " 1x1" : node.attributes().integer("stride") == 1 ? " 3x3" : " 3x3 stride 2";
  if (&node.op() == &linear_op || &node.op() == &linear_grad_x_op)
    kind += std::min(node.input(1).dim(0), node.input(1).dim(1)) < 256 ? " (LoRA)" : "";
  return kind;
}

std::vector<ModelWeight> weights_of(const Sd1Widths& widths) {
  std::vector<ModelWeight> weights;
  for (const Layout::Tensor& tensor : sd1_tensors(widths)) weights.push_back({tensor.name, tensor.shape});
  return weights;
}

}  // namespace

void benchmark_step(const StepBenchmarkConfig& c, std::ostream& out) {
  std::optional<Checkpoint> checkpoint;
  std::unique_ptr<ConstantSource> constants = std::make_unique<MadeUpConstants>();
  StepSettings settings;
  LoraTargets targets;
  targets.text_encoder = settings.train_text_encoder = c.train_text_encoder;
  targets.network_dim = c.rank;
  targets.network_alpha = c.rank;
  std::vector<ModelWeight> weights = weights_of({});
  if (!c.checkpoint.empty()) {
    checkpoint = Checkpoint::open(c.checkpoint);
    constants = std::make_unique<CheckpointConstants>(*checkpoint);
    settings.model = stable_diffusion_config(*checkpoint);
    weights.clear();
    for (const std::string& name : checkpoint->names()) weights.push_back({name, checkpoint->shape(name)});
  }
  settings.modules = lora_modules(weights, targets);
  settings.compute = compute_type(c.mixed_precision);
  settings.conv_algorithm = c.conv_algorithm;
  settings.gradient_checkpointing = c.gradient_checkpointing;
  const StepShape shape{c.batch, c.height / 8, c.width / 8, 1};
  if (!c.memory_budget.empty()) {
    const size_t budget = parse_memory(c.memory_budget, "--memory_budget"), fixed = fixed_bytes(settings);
    const Timer timer;
    const MemoryChoice choice =
        choose_step_memory(settings, shape, find_backend("cpu").rates(), budget > fixed ? budget - fixed : 0);
    out << "memory: " << choice.recomputed.size() << " activations recomputed, " << choice.kept_direct.size()
        << " convolutions kept direct, " << choice.kept_plain.size() << " weights kept plain, expected to add "
        << choice.added_seconds << " s and to take " << (fixed + choice.bytes()) / 1000000 << " MB in all ("
        << choice.weights / 1000000 << " weights, " << choice.activations / 1000000 << " activations, "
        << choice.working / 1000000 << " scratch); chosen in " << timer.seconds() << " s\n";
  }
  const std::unique_ptr<Optimizer> optimizer = make_adamw({});
  Timer timer;
  LoraTrainer trainer(find_backend("cpu"), *constants, settings, *optimizer, 1.0);
  for (const LoraModule& module : settings.modules) {
    Rng rng(1, purpose::lora_init, module.key.size());
    for (const auto& [name, shape] :
         {std::pair{".lora_down.weight", module.down_shape()}, {".lora_up.weight", module.up_shape()}}) {
      std::vector<float> values(static_cast<size_t>(count_of(shape)));
      for (float& x : values) x = 0.02f * (rng.uniform() - 0.5f);
      trainer.set_weights(module.key + name, values);
    }
  }
  StepInputs in;
  in.shape = shape;
  Rng rng(1, purpose::noise);
  in.noisy_latents.resize(static_cast<size_t>(in.shape.latents()));
  in.target.resize(in.noisy_latents.size());
  rng.fill_normal(in.noisy_latents);
  rng.fill_normal(in.target);
  in.timesteps.assign(static_cast<size_t>(c.batch), 500.0f);
  in.loss_weights.assign(static_cast<size_t>(c.batch), 1.0f);
  in.ids.assign(static_cast<size_t>(c.batch * 77), 320);
  const DeviceLimits limits = find_backend("cpu").limits(settings.compute);
  timer.restart();
  trainer.encode_captions({std::vector<int32_t>(77, 320)});  // as a run with fixed captions does
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
  const double first = seconds.front();
  seconds.erase(seconds.begin());
  std::sort(seconds.begin(), seconds.end());

  std::map<std::string, Row> rows;
  Row total;
  for (const NodeTime& time : trainer.profile(in)) {
    const Node& node = *time.node;
    for (Row* row : {&rows[kind_of(node)], &total}) {
      ++row->calls;
      row->seconds += time.seconds;
      row->flops += flops_of_node(node);
      row->bytes += bytes_of_node(node);
      row->least_seconds += std::max(flops_of_node(node) / limits.product_flops, bytes_of_node(node) / limits.bytes);
    }
  }
  std::vector<std::pair<std::string, Row>> order(rows.begin(), rows.end());
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  out << std::fixed << std::left << std::setw(40) << "op" << std::right << std::setw(7) << "calls" << std::setw(10)
      << "ms" << std::setw(10) << "GFLOP" << std::setw(10) << "GB" << std::setw(10) << "TFLOP/s" << std::setw(9)
      << "GB/s" << std::setw(10) << "of limit" << '\n';
  const auto print_row = [&](const std::string& name, const Row& row) {
    out << std::left << std::setw(40) << name << std::right << std::setw(7) << row.calls << std::setprecision(1)
        << std::setw(10) << row.seconds * 1e3 << std::setw(10) << row.flops * 1e-9 << std::setprecision(2)
        << std::setw(10) << row.bytes * 1e-9 << std::setprecision(3) << std::setw(10) << row.flops / row.seconds * 1e-12
        << std::setprecision(1) << std::setw(9) << row.bytes / row.seconds * 1e-9 << std::setprecision(0)
        << std::setw(9) << 100.0 * row.least_seconds / row.seconds << "%\n";
  };
  for (const auto& [name, row] : order) print_row(name, row);
  print_row("forward + backward", total);
  const double median = seconds[seconds.size() / 2];
  out << "\nlimits of this machine: " << std::setprecision(3) << limits.product_flops * 1e-12
      << " TFLOP/s in a product, " << std::setprecision(1) << limits.bytes * 1e-9 << " GB/s in a copy\n"
      << "arithmetic of a step at its median time: " << std::setprecision(0)
      << 100.0 * total.flops / median / limits.product_flops << "% of that product's rate\n";
  const MemoryUse memory = trainer.memory();
  out << std::setprecision(3) << "step: median " << median << " s, best " << seconds.front() << " s, first " << first
      << " s; prepared in " << prepare_seconds << " s\n"
      << std::setprecision(1) << "memory: weights " << static_cast<double>(memory.weights) / 1e6
      << " MB, LoRA and optimiser " << static_cast<double>(memory.variables) / 1e6 << " MB, activations "
      << static_cast<double>(memory.arena) / 1e6 << " MB, scratch " << static_cast<double>(memory.scratch) / 1e6
      << " MB\n";
}

}  // namespace rankine
