#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// What one parameter's update reads. All f32; scalars are [].
struct UpdateInputs {
  Value weight;    ///< the variable that is updated
  Value gradient;  ///< same shape
  Value factor;    ///< multiplies the gradient first: gradient clipping
  Value lr;        ///< the group's learning rate
  Value step;      ///< optimiser steps so far, this one included: counts from 1
};

/// An optimiser: writes the update of a parameter into a graph, with its state in variables of that graph.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void append_update(Graph& graph, const UpdateInputs& inputs) const = 0;
  /// As sd-scripts writes it to ss_optimizer: class path, then the arguments given.
  virtual std::string description() const = 0;
};

/// By --optimizer_type ("" is AdamW; capitals do not matter) and --optimizer_args, "key=value" each.
/// Throws Error for an unknown type, an unknown key or a value that is not what the key takes.
std::unique_ptr<Optimizer> make_optimizer(const std::string& type, std::span<const std::string> args);

/// The state variable of a parameter: "exp_avg.lora_unet_...".
std::string state_name(std::string_view state, Value weight);

}  // namespace rankine
