#include "step/training_step.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "diffusion/loss.h"
#include "diffusion/loss_graph.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "graph/passes/lower_ops.h"
#include "io/convert.h"
#include "step/step_graph.h"
#include "step/update_graph.h"

namespace rankine {

namespace {

/// The double of the shortest decimal that means this f32: 1e-4 is shown as 0.0001, not as 0.0000999999974.
double shortest_decimal(float value) {
  char text[64];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = value;
  std::from_chars(text, end, result);
  return result;
}

}  // namespace

struct TrainingStep::Program {
  Graph graph;
  std::unique_ptr<Executable> executable;
  std::vector<ConditionSpec> specs;
  ConditionNumbers condition;  // the batch's, when the text encoder is frozen

  void reserve_condition(const StepSettings& settings, const StepShape& shape) {
    if (settings.train_text_encoder) return;
    specs = settings.model->condition(shape.text());
    for (const ConditionSpec& spec : specs)
      condition.emplace_back(static_cast<size_t>(shape.batch * count_of(spec.shape)));
  }
};

TrainingStep::TrainingStep(const Backend& backend, ConstantSource& constants, StepSettings settings,
                           const Optimizer& optimizer, const UpdateSettings& update)
    : settings_(std::move(settings)),
      optimizer_(optimizer),
      update_settings_(update),
      groups_(parameter_groups(settings_, update_settings_)),
      backend_(backend),
      constants_(constants),
      session_(backend.open(constants)) {
  settings_.device = &backend.device();
}

TrainingStep::~TrainingStep() = default;

void TrainingStep::set_weights(const std::string& name, std::span<const float> values) {
  session_->write_variable(name, as_trained(name, values));
}

std::vector<float> TrainingStep::as_trained(const std::string& name, std::span<const float> values) const {
  std::vector<float> rounded(values.begin(), values.end());
  const auto holds = [&](const AdaptedLayer& layer) { return name.starts_with(layer.key + "."); };
  if (settings_.trained == DType::f32 || std::ranges::none_of(settings_.layers, holds)) return rounded;
  round_through(settings_.trained, rounded);
  return rounded;
}

std::vector<float> TrainingStep::weights(const std::string& name, int64_t count) const {
  std::vector<float> values(static_cast<size_t>(count));
  session_->read_variable(name, values);
  return values;
}

std::vector<float> TrainingStep::evaluation_weights(const std::string& name, int64_t count) const {
  std::vector<float> values = weights(name, count);
  const std::optional<EvaluationWeights> rule = optimizer_.evaluation_weights();
  if (!rule || !update_) return values;
  if (is_updated(name)) {
    const std::vector<float> state = weights(rule->state + "." + name, count);
    for (size_t i = 0; i < values.size(); ++i) values[i] += static_cast<float>(rule->amount) * state[i];
  }
  return as_trained(name, values);
}

std::vector<std::pair<std::string, int64_t>> TrainingStep::state_variables() const {
  std::vector<std::pair<std::string, int64_t>> all = session_->variables();
  std::erase_if(all, [](const auto& variable) { return variable.first.starts_with(gradient_name("")); });
  return all;
}

std::vector<float> TrainingStep::gradient(const std::string& name, int64_t count) const {
  check(update_ != nullptr, "there is no gradient of \"", name, "\" before the first step");
  if (!is_updated(name)) return {};
  return weights(gradient_name(name), count);
}

bool TrainingStep::is_updated(const std::string& tensor) const {
  return std::ranges::any_of(updated_, [&](const UpdatedVariable& variable) {
    return variable.name == tensor ||
           std::ranges::find(variable.members, tensor, &FlatMember::name) != variable.members.end();
  });
}

void TrainingStep::declare_groups(std::span<const Value> trained) {
  std::vector<UpdatedVariable> variables = rankine::updated_variables(trained, groups_, !optimizer_.needs_tensors());
  if (!updated_.empty()) {
    check(variables == updated_, "a step of another shape trains other tensors");
    return;
  }
  updated_ = std::move(variables);
  for (const UpdatedVariable& variable : updated_) {
    if (variable.members.empty()) continue;
    session_->declare_flat(variable.name, variable.members);
    session_->declare_flat(gradient_name(variable.name), prefixed(gradient_name(""), variable.members));
  }
}

void TrainingStep::require_groups() {
  if (!updated_.empty()) return;
  Graph graph;
  declare_groups(build_step_graph(graph, settings_, {}));
}

void TrainingStep::compile(Program& program) const {
  const DeviceModel& device = backend_.device();
  lower(program.graph, [&](const OpDef& op) { return device.has_kernel(op); });
  program.executable = session_->compile(program.graph);
}

void TrainingStep::compile_updates() {
  grad_norm_ = std::make_unique<Program>();
  build_grad_norm_graph(grad_norm_->graph, updated_);
  compile(*grad_norm_);
  update_ = std::make_unique<Program>();
  build_update_graph(update_->graph, updated_, optimizer_, update_settings_.max_grad_norm);
  declare_states(update_->graph);
  compile(*update_);
  if (update_settings_.scale_weight_norms) {
    norm_limit_ = std::make_unique<Program>();
    build_norm_limit_graph(norm_limit_->graph, settings_, *update_settings_.scale_weight_norms);
    compile(*norm_limit_);
  }
  if (settings_.trained != DType::f32) {
    rounding_ = std::make_unique<Program>();
    build_rounding_graph(rounding_->graph, updated_, settings_.trained);
    compile(*rounding_);
  }
}

void TrainingStep::declare_states(const Graph& update) {
  for (const Value& leaf : update.leaves(variable_op))
    for (const UpdatedVariable& variable : updated_) {
      const std::string& name = leaf.node().scope();
      const bool is_state = name.ends_with("." + variable.name) && name != gradient_name(variable.name);
      if (!is_state || variable.members.empty() || leaf.shape() != variable.shape) continue;
      const std::string prefix = name.substr(0, name.size() - variable.name.size());
      session_->declare_flat(name, prefixed(prefix, variable.members));
    }
}

TrainingStep::Program& TrainingStep::program(const StepShape& shape) {
  std::unique_ptr<Program>& program = steps_[shape];
  if (program) return *program;
  program = std::make_unique<Program>();
  declare_groups(build_step_graph(program->graph, settings_, shape));
  compile(*program);
  program->reserve_condition(settings_, shape);
  if (!update_) compile_updates();
  return *program;
}

TrainingStep::Program& TrainingStep::validation_program(const StepShape& shape) {
  std::unique_ptr<Program>& program = validations_[shape];
  if (program) return *program;
  require_groups();
  program = std::make_unique<Program>();
  build_validation_graph(program->graph, settings_, shape);
  compile(*program);
  program->reserve_condition(settings_, shape);
  return *program;
}

TrainingStep::Program& TrainingStep::text_program(int64_t chunks) {
  std::unique_ptr<Program>& program = text_[chunks];
  if (program) return *program;
  program = std::make_unique<Program>();
  if (!text_session_) text_session_ = backend_.open(constants_);
  build_text_graph(program->graph, settings_, 1, {.chunks = chunks});
  program->executable = text_session_->compile(program->graph);
  for (const Value& tensor : program->graph.leaves(variable_op))  // frozen too: a group with learning rate 0
    text_session_->write_variable(tensor.node().scope(), weights(tensor.node().scope(), tensor.type().count()));
  return *program;
}

MemoryChoice TrainingStep::fit(const StepShape& largest, size_t budget_bytes) {
  check(steps_.empty(), "memory is chosen before steps are compiled");
  const size_t fixed = fixed_bytes(settings_, backend_.device());
  return choose_step_memory(settings_, largest, backend_.device(), budget_bytes > fixed ? budget_bytes - fixed : 0);
}

void TrainingStep::prepare(const StepShape& shape) {
  program(shape);
  if (!settings_.train_text_encoder && !captions_known_) text_program(shape.chunks);
}

void TrainingStep::prepare_validation(const StepShape& shape) {
  validation_program(shape);
  if (!settings_.train_text_encoder && !captions_known_) text_program(shape.chunks);
}

const ConditionNumbers& TrainingStep::condition(std::span<const int32_t> ids, int64_t chunks) {
  std::vector<int32_t> key(ids.begin(), ids.end());
  if (const auto known = conditions_.find(key); known != conditions_.end()) return known->second;
  constexpr size_t kMostConditions = 1024;  // about 0.25 GB at 77 tokens of 768; shuffled captions rarely come back
  if (conditions_.size() >= kMostConditions && !captions_known_) conditions_.clear();
  Program& program = text_program(chunks);
  program.executable->set_input(kIds, ids);
  program.executable->run();
  ConditionNumbers states = read_condition(*program.executable, settings_.model->condition({.chunks = chunks}), 1);
  return conditions_.emplace(std::move(key), std::move(states)).first->second;
}

void TrainingStep::feed_forward(Program& p, const StepInputs& in) {
  const auto per_sample = static_cast<size_t>(count_of(settings_.model->ids_shape(in.shape.chunks)));
  const auto samples = static_cast<size_t>(in.shape.batch);
  for (size_t i = 0; i < samples && !settings_.train_text_encoder; ++i) {
    const ConditionNumbers& states = condition(std::span(in.ids).subspan(i * per_sample, per_sample), in.shape.chunks);
    for (size_t k = 0; k < states.size(); ++k)
      std::ranges::copy(states[k], p.condition[k].begin() + static_cast<std::ptrdiff_t>(i * states[k].size()));
  }
  Executable& e = *p.executable;
  e.set_input(kNoisyLatents, in.noisy_latents);
  e.set_input(kTarget, in.target);
  e.set_input(kTimesteps, in.timesteps);
  e.set_input(kLossWeights, in.loss_weights);
  if (find_loss_kind(settings_.loss_type).uses_threshold) e.set_input(kHuberC, in.huber_c);
  if (settings_.masked_loss)
    e.set_input(kLossMask,
                in.loss_mask.empty() ? std::vector<float>(static_cast<size_t>(in.shape.latents()), 1) : in.loss_mask);
  if (settings_.weighted_captions) e.set_input(kTokenWeights, in.token_weights);
  if (settings_.model->reads_sizes()) e.set_input(kSizes, in.sizes);
  if (settings_.train_text_encoder) {
    e.set_input(kIds, in.ids);
  } else {
    for (size_t k = 0; k < p.specs.size(); ++k) e.set_input(p.specs[k].name, p.condition[k]);
  }
}

TrainingStep::Program& TrainingStep::feed(const StepInputs& in, double loss_scale, bool keep) {
  Program& p = program(in.shape);
  feed_forward(p, in);
  const auto scale = static_cast<float>(loss_scale), kept = keep ? 1.0f : 0.0f;
  p.executable->set_input(kLossScale, std::span(&scale, 1));
  if (settings_.accumulate) p.executable->set_input(kKeep, std::span(&kept, 1));
  if (settings_.dropout.any()) {
    std::array<int32_t, 4> words;
    for (size_t i = 0; i < words.size(); ++i) words[i] = static_cast<int32_t>(in.dropout_key[i]);
    p.executable->set_input(kDropoutKey, words);
  }
  return p;
}

std::string TrainingStep::where_not_finite(const StepInputs& in, double loss_scale) {
  const std::optional<NonFiniteValue> found = feed(in, loss_scale, false).executable->find_nonfinite();
  if (!found) return "";
  const auto& [value, numbers] = *found;
  const Node& node = value.node();
  const bool is_input = &node.op() == &input_op;
  Shape at;
  for (int64_t axis = value.rank() - 1, rest = numbers.first; axis >= 0; --axis) {
    const int64_t size = value.dim(static_cast<int>(axis));
    at.insert(at.begin(), rest % size);
    rest /= size;
  }
  return concat_text(is_input                     ? "the input"
                     : &node.op() == &variable_op ? "the weights"
                     : node.backward()            ? concat_text("the backward pass, ", node.op().name)
                                                  : std::string(node.op().name),
                     " \"", node.scope(), "\" ", value.type(), ": ", numbers.value, " at ", as_text(at), ", ",
                     numbers.count, " of ", value.type().count(), " numbers");
}

std::vector<NodeTime> TrainingStep::profile(const StepInputs& inputs) {
  return feed(inputs, 1.0, false).executable->profile();
}

void TrainingStep::encode_captions(const std::vector<std::vector<int32_t>>& captions) {
  if (settings_.train_text_encoder) return;
  captions_known_ = true;
  for (const std::vector<int32_t>& ids : captions) caption_states(ids);
  text_.clear();
  text_session_.reset();
}

void TrainingStep::keep_caption(const std::vector<int32_t>& ids, ConditionNumbers states) {
  conditions_.insert_or_assign(ids, std::move(states));
}

const ConditionNumbers& TrainingStep::caption_states(const std::vector<int32_t>& ids) {
  return condition(ids, std::ssize(ids) / count_of(settings_.model->ids_shape(1)));
}

ConditionNumbers TrainingStep::text_states(const PromptTokens& prompts) {
  const TextShape text{prompts.chunks, /*whole_chunks=*/true};
  Graph graph;
  build_text_graph(graph, settings_, prompts.prompts, text);
  std::unique_ptr<Session> frozen;
  if (!settings_.train_text_encoder) {
    frozen = backend_.open(constants_);
    for (const Value& tensor : graph.leaves(variable_op))  // a group with learning rate 0
      frozen->write_variable(tensor.node().scope(), weights(tensor.node().scope(), tensor.type().count()));
  }
  if (!frozen) require_groups();
  const std::unique_ptr<Executable> executable = (frozen ? *frozen : *session_).compile(graph);
  executable->set_input(kIds, prompts.ids);
  executable->run();
  return read_condition(*executable, settings_.model->condition(text), prompts.prompts);
}

std::unique_ptr<GuidedDenoiser> TrainingStep::guided_denoiser(const StepShape& picture, float guidance) {
  require_groups();
  return std::make_unique<GuidedDenoiser>(*session_, settings_, picture, guidance);
}

MemoryUse TrainingStep::memory() const {
  MemoryUse use = session_->memory();
  if (text_session_) {
    const MemoryUse text = text_session_->memory();
    use.weights += text.weights;
    use.arena += text.arena;
    use.scratch += text.scratch;
  }
  return use;
}

StepResult TrainingStep::step(const StepInputs& in, double loss_scale, bool keep) {
  Executable& e = *feed(in, loss_scale, keep).executable;
  e.run();
  StepResult result;
  float loss = 0;
  e.get_output(kLoss, std::span(&loss, 1));
  result.loss = loss;
  result.sample_losses.resize(static_cast<size_t>(in.shape.batch));
  e.get_output(kSampleLosses, result.sample_losses);
  return result;
}

double TrainingStep::validation_loss(const StepInputs& in) {
  Program& p = validation_program(in.shape);
  feed_forward(p, in);
  p.executable->run();
  float loss = 0;
  p.executable->get_output(kLoss, std::span(&loss, 1));
  return loss;
}

double TrainingStep::update(int64_t step, const LearningRates& rates, double loss_scale) {
  check(update_ != nullptr, "an update needs the gradients of a step");
  update_values_.clear();
  grad_norm_->executable->run();
  float norm = 0;
  grad_norm_->executable->get_output(kGradNorm, std::span(&norm, 1));
  const auto unscale = static_cast<float>(1 / loss_scale);
  norm *= unscale;
  std::map<std::string, float, std::less<>> inputs;
  inputs.emplace(kUpdateStep, static_cast<float>(step));
  inputs.emplace(kGradNorm, norm);
  inputs.emplace(kUnscale, unscale);
  for (const ParameterGroup& group : groups_) inputs[rate_name(group.name)] = static_cast<float>(rates.of(group));
  if (!std::isfinite(norm)) {
    for (const Value& input : update_->graph.leaves(input_op))
      if (const std::string& name = input.node().scope(); name.starts_with(kRatePrefix))
        update_values_.emplace_back(name, shortest_decimal(inputs.at(name)));
    return norm;
  }
  Executable& e = *update_->executable;
  for (const Value& input : update_->graph.leaves(input_op))
    e.set_input(input.node().scope(), std::span(&inputs.at(input.node().scope()), 1));
  e.run();
  read_update_values(*update_);
  if (norm_limit_) {
    norm_limit_->executable->run();
    read_update_values(*norm_limit_);
  }
  if (rounding_) rounding_->executable->run();
  return norm;
}

void TrainingStep::read_update_values(const Program& program) {
  for (const auto& [name, output] : program.graph.outputs()) {
    float value = 0;
    program.executable->get_output(name, std::span(&value, 1));
    update_values_.emplace_back(name, shortest_decimal(value));
  }
}

EvaluationWeightsScope::EvaluationWeightsScope(TrainingStep& trainer, DType saved) : trainer_(trainer) {
  if (trainer.trains_what_it_saves() && saved == DType::f32) return;
  std::vector<std::vector<float>> rounded;
  const auto add = [&](const std::string& name, int64_t count) {
    in_training_.emplace_back(name, trainer.weights(name, count));
    std::vector<float> values = trainer.evaluation_weights(name, count);
    round_through(saved, values);
    rounded.push_back(std::move(values));
  };
  for (const AdaptedLayer& layer : trainer.settings().layers)
    for (const AdapterTensor& tensor : trainer.settings().adapter->tensors(layer))
      add(tensor_name(layer, tensor), count_of(tensor.shape));
  // Nothing is changed before everything that may fail is done.
  for (size_t i = 0; i < rounded.size(); ++i) trainer.set_weights(in_training_[i].first, rounded[i]);
}

EvaluationWeightsScope::~EvaluationWeightsScope() {
  for (const auto& [name, values] : in_training_) trainer_.set_weights(name, values);
}

}  // namespace rankine
