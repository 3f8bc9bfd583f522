#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/backend.h"
#include "optim/optimizer.h"
#include "step/fit_memory.h"
#include "step/guided_denoiser.h"
#include "step/parameter_groups.h"

namespace rankine {

struct StepResult {
  double loss = 0;                     ///< mean over the batch
  std::vector<float> sample_losses{};  ///< [N]
};

/// Learning rates of one update, before the factors of groups and the schedule.
struct LearningRates {
  double unet = 0, text_encoder = 0;
  std::function<double(double base)> scheduled = {};  ///< none: as they are

  double of(const ParameterGroup& group) const {
    const double base = (group.text_encoder ? text_encoder : unet) * group.factor;
    return scheduled ? scheduled(base) : base;
  }
};

/// An adapter in training on one device. Weights, gradients and optimiser state live in the session; each shape's step
/// is compiled once, and all share one arena.
class TrainingStep {
 public:
  /// `constants` and `optimizer` must outlive the trainer. Weights start as zeros: see set_weights.
  TrainingStep(const Backend& backend, ConstantSource& constants, StepSettings settings, const Optimizer& optimizer,
               const UpdateSettings& update);
  ~TrainingStep();

  const StepSettings& settings() const { return settings_; }
  /// The trained tensors by learning rate.
  const std::vector<ParameterGroup>& groups() const { return groups_; }
  /// Sets an adapter's tensor by its name (see tensor_name), rounded to settings().trained; or a part of the
  /// optimiser's state.
  void set_weights(const std::string& name, std::span<const float> values);
  std::vector<float> weights(const std::string& name, int64_t count) const;
  /// False for optimisers that choose their rate themselves: they get the learning rate without the schedule.
  bool takes_lr_schedule() const { return optimizer_.takes_lr_schedule(); }
  /// The tensor for saving and sampling. Schedule-free optimisers train another one.
  std::vector<float> evaluation_weights(const std::string& name, int64_t count) const;
  /// False if the optimiser trains other weights than it saves.
  bool trains_what_it_saves() const { return !optimizer_.evaluation_weights(); }
  /// Names and counts of everything that one step hands to the next: the adapter's weights and the optimiser's state.
  std::vector<std::pair<std::string, int64_t>> state_variables() const;
  /// The variables that updates move: each group as one flat variable, or each tensor. Known once a step is compiled.
  const std::vector<UpdatedVariable>& updated_variables() const { return updated_; }
  /// The gradient of the last step(s), times their loss scale; empty for a tensor without one. Throws Error before the
  /// first step.
  std::vector<float> gradient(const std::string& name, int64_t count) const;

  /// With a frozen text encoder: computes and keeps its states for each of these captions (i32, Model::ids_shape), then
  /// frees its weights. For runs whose captions are all known in advance.
  void encode_captions(const std::vector<std::vector<int32_t>>& captions);
  /// Keeps the states of a caption that are known already, before encode_captions.
  void keep_caption(const std::vector<int32_t>& ids, ConditionNumbers states);
  /// The states of a caption with a frozen text encoder.
  const ConditionNumbers& caption_states(const std::vector<int32_t>& ids);

  /// Decides what is recomputed and how weights are kept, so that activations and weights fit into `budget_bytes` of
  /// the process (see choose_step_memory). Call it before the first `prepare`; `largest` is the shape that needs most.
  MemoryChoice fit(const StepShape& largest, size_t budget_bytes);

  /// Compiles everything that a step of this shape runs, unless that is done. `memory` then includes it.
  void prepare(const StepShape& shape);
  /// Runs forward and backward of the loss times `loss_scale`: 1 / accumulation steps, times the factor that keeps
  /// fp16's gradients in range. `keep` adds to the existing gradients.
  StepResult step(const StepInputs& inputs, double loss_scale = 1, bool keep = false);
  /// Divides the gradients by `loss_scale`, clips, moves the weights, and limits their norms if requested. `step`
  /// counts from 1. Returns the gradients' norm before clipping; if that is not finite, nothing has changed.
  double update(int64_t step, const LearningRates& rates, double loss_scale = 1);
  /// Other values of the last update, by name: "lr.GROUP" of each parameter group ("unet", "text_encoder", and those
  /// with "_plus"), "d" of Prodigy and D-Adaptation, "max_norm/…" of scale_weight_norms.
  const std::vector<std::pair<std::string, double>>& update_values() const { return update_values_; }

  /// Compiles the validation program of a shape, unless that is done.
  void prepare_validation(const StepShape& shape);
  /// The loss with the present weights. Changes nothing.
  double validation_loss(const StepInputs& inputs);

  /// Repeats the forward and backward of a step and describes, as part of a message, where its numbers stop being
  /// finite: the first such node with its place in the model, or the input or weight that brought them. Empty if all
  /// are finite.
  std::string where_not_finite(const StepInputs& inputs, double loss_scale);

  /// A step's forward and backward with the time of each node.
  std::vector<NodeTime> profile(const StepInputs& inputs);

  /// The conditions of all prompts, [prompts, ...] each. Loads the weights of a frozen text encoder if they are not in
  /// memory.
  ConditionNumbers text_states(const PromptTokens& prompts);
  /// The denoiser for samplers, with this step's weights and memory. Use it only between steps.
  std::unique_ptr<GuidedDenoiser> guided_denoiser(const StepShape& picture, float guidance);
  /// Gives the memory of activations back until the next step.
  void release_scratch() { session_->release_scratch(); }

  MemoryUse memory() const;

 private:
  struct Program;
  Program& program(const StepShape& shape);
  /// Makes the groups flat variables of the session, once, before a program that reads them is compiled. `trained`: the
  /// tensors that get a gradient, the same in steps of every shape.
  void declare_groups(std::span<const Value> trained);
  /// The same where no step is compiled yet.
  void require_groups();
  bool is_updated(const std::string& tensor) const;
  /// The states that have a number for each of a flat group are flat, too: "exp_avg.unet" of "exp_avg.TENSOR".
  void declare_states(const Graph& update);
  void compile(Program& program) const;
  /// Compiles the programs of an update, which are the same for steps of every shape.
  void compile_updates();
  Program& validation_program(const StepShape& shape);
  void read_update_values(const Program& program);
  /// Rounds the values of an adapter's tensor to StepSettings::trained; leaves others unchanged.
  std::vector<float> as_trained(const std::string& name, std::span<const float> values) const;
  /// The frozen text encoder for one caption.
  Program& text_program(int64_t chunks);
  /// Gives a program the inputs of the forward pass.
  void feed_forward(Program& program, const StepInputs& inputs);
  /// Gives a step's program its inputs.
  Program& feed(const StepInputs& inputs, double loss_scale, bool keep);
  /// The frozen text encoder's states for one caption, computed once for each.
  const ConditionNumbers& condition(std::span<const int32_t> ids, int64_t chunks);

  StepSettings settings_;
  const Optimizer& optimizer_;
  UpdateSettings update_settings_;
  std::vector<ParameterGroup> groups_;
  std::vector<UpdatedVariable> updated_;
  std::vector<std::pair<std::string, double>> update_values_;
  const Backend& backend_;
  ConstantSource& constants_;
  std::unique_ptr<Session> session_;
  bool captions_known_ = false;            // all are in conditions_
  std::unique_ptr<Session> text_session_;  // of a frozen text encoder; none before it is needed
  std::map<StepShape, std::unique_ptr<Program>> steps_, validations_;
  std::unique_ptr<Program> grad_norm_, update_;
  std::unique_ptr<Program> norm_limit_;                          // with scale_weight_norms
  std::unique_ptr<Program> rounding_;                            // where weights are not trained in f32
  std::map<int64_t, std::unique_ptr<Program>> text_;             // by chunks
  std::map<std::vector<int32_t>, ConditionNumbers> conditions_;  // by token ids
};

/// While this lives, the step's weights are those for saving (see evaluation_weights), rounded to a file's type if that
/// is not f32. The destructor restores the trained ones.
class EvaluationWeightsScope {
 public:
  explicit EvaluationWeightsScope(TrainingStep& trainer, DType saved = DType::f32);
  ~EvaluationWeightsScope();
  EvaluationWeightsScope(const EvaluationWeightsScope&) = delete;
  EvaluationWeightsScope& operator=(const EvaluationWeightsScope&) = delete;

 private:
  TrainingStep& trainer_;
  std::vector<std::pair<std::string, std::vector<float>>> in_training_;  // empty where they are the same
};

}  // namespace rankine
