#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// What one parameter's update reads. All f32; scalars are [].
struct UpdateInputs {
  Value weight;            ///< the variable that is updated
  Value gradient;          ///< same shape
  Value factor;            ///< multiplies the gradient first: gradient clipping
  Value lr;                ///< the group's learning rate
  Value step;              ///< optimiser steps so far, this one included: counts from 1
  std::string group = {};  ///< the parameters with one learning rate: "unet", "text_encoder_plus"
};

/// Where the weights to be used (saved, sampled from) are not the trained ones: weight + amount * state, with `state`
/// a state variable of the weight's own shape (see state_name).
struct EvaluationWeights {
  std::string state;
  double amount = 0;
};

/// An optimiser: writes the update of the parameters into a graph, with its state in variables of that graph (which
/// start as zeros). Outputs of that graph that it adds are logged: "d", "lr.unet".
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// All parameters of the run, in order.
  virtual void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const = 0;
  /// As sd-scripts writes it to ss_optimizer: class path, then the arguments given.
  virtual std::string description() const = 0;
  /// False where the optimiser has its own schedule: sd-scripts then leaves the rates as they were given.
  virtual bool takes_lr_schedule() const { return true; }
  /// True where the optimiser computes its rate from the step and the weights and ignores the given learning rate, as
  /// Adafactor does with relative_step.
  virtual bool finds_own_rate() const { return false; }
  virtual std::optional<EvaluationWeights> evaluation_weights() const { return std::nullopt; }
};

/// One that looks at each parameter by itself.
class ParameterOptimizer : public Optimizer {
 public:
  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const final;

 protected:
  virtual void append_update(Graph& graph, const UpdateInputs& inputs) const = 0;
};

/// By --optimizer_type ("" is AdamW; capitals do not matter) and --optimizer_args, "key=value" each.
/// Throws Error for an unknown type, an unknown key or a value that is not what the key takes.
std::unique_ptr<Optimizer> make_optimizer(const std::string& type, std::span<const std::string> args);
/// The values of --optimizer_type, spelled as in sd-scripts, in the order of its list.
std::vector<std::string> optimizer_names();

/// The state variable of a parameter: "exp_avg.lora_unet_...".
std::string state_name(std::string_view state, Value weight);
Value state_variable(Graph& graph, std::string_view state, Value weight);

}  // namespace rankine
