#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// Begins the name of each group's learning rate: an input of the update, and an output of it that is logged.
inline constexpr std::string_view kRatePrefix = "lr.";
inline std::string rate_name(std::string_view group) { return std::string(kRatePrefix).append(group); }

/// The inputs of one variable's update. All f32; scalars are [].
struct UpdateInputs {
  Value weight;            ///< the variable that is updated: a tensor, or a flat variable of many
  Value gradient;          ///< same shape
  Value factor;            ///< multiplies the gradient first: gradient clipping
  Value lr;                ///< the group's learning rate
  Value step;              ///< optimiser steps so far, this one included: counts from 1
  std::string group = {};  ///< the parameters with one learning rate: "unet", "text_encoder_plus"
  bool leads = true;       ///< the first of its group, in sd-scripts' order
};

/// For optimisers that save and sample from other weights than they train: weight + amount * state, with `state` a
/// state variable of the weight's own shape (see state_name).
struct EvaluationWeights {
  std::string state;
  double amount = 0;
};

/// An optimiser appends the update of the parameters to a graph. Its state lives in variables of that graph, which
/// start as zeros. The outputs that it adds to the graph are logged: "d", rate_name("unet").
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// All parameters of the run, in order.
  virtual void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const = 0;
  /// The text of ss_optimizer in sd-scripts: the class path, then the arguments given.
  virtual std::string description() const = 0;
  /// False for an optimiser with its own schedule: the learning rates then stay as given, as in sd-scripts.
  virtual bool takes_lr_schedule() const { return true; }
  /// True where the optimiser computes its rate from the step and the weights and ignores the given learning rate, as
  /// Adafactor does with relative_step.
  virtual bool finds_own_rate() const { return false; }
  virtual std::optional<EvaluationWeights> evaluation_weights() const { return std::nullopt; }
  /// True where the update of an element depends on the tensor that it belongs to (its shape, its blocks, its norm), so
  /// that tensors cannot be updated together as one flat variable.
  virtual bool needs_tensors() const { return false; }
};

/// An optimiser whose update of a parameter does not depend on the others.
class ParameterOptimizer : public Optimizer {
 public:
  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const final;

 protected:
  virtual void append_update(Graph& graph, const UpdateInputs& inputs) const = 0;
};

/// The optimiser of --optimizer_type ("" is AdamW; case is ignored) with --optimizer_args, "key=value" each.
/// Throws Error for an unknown type, an unknown key or a value that is not what the key takes.
std::unique_ptr<Optimizer> make_optimizer(const std::string& type, std::span<const std::string> args);
/// The values of --optimizer_type, spelled as in sd-scripts, in the order of its list.
std::vector<std::string> optimizer_names();

/// The state variable of a parameter: "exp_avg.lora_unet_...".
std::string state_name(std::string_view state, Value weight);
Value state_variable(Graph& graph, std::string_view state, Value weight);

}  // namespace rankine
