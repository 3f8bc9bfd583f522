#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "step/step_settings.h"

namespace rankine {

/// The parts of an update that are not the optimiser's.
struct UpdateSettings {
  double max_grad_norm = 1.0;  ///< limit of the gradients' global norm; 0: no limit
  /// LoRA+ (Hayou et al. 2024, arXiv:2402.12354): tensors marked AdapterTensor::second learn at this multiple of the
  /// rate, as a group of their own.
  std::optional<double> unet_plus_ratio = {}, text_encoder_plus_ratio = {};
  /// After each update the norm of every layer's update is brought down to this: see AdapterKind::limit_norm.
  std::optional<double> scale_weight_norms = {};
};

/// Trained tensors that learn at one rate.
struct ParameterGroup {
  std::string name;           ///< "text_encoder", "text_encoder2", "unet", "unet_block4"; then "_plus" with LoRA+
  bool text_encoder = false;  ///< follows the text encoder's learning rate, else the U-Net's
  double factor = 1;          ///< on that rate
  std::vector<std::string> tensors;  ///< by name: see tensor_name
};

/// The groups of a run in sd-scripts' order: text encoders, then U-Net, each text encoder and
/// block by itself where they have rates of their own.
std::vector<ParameterGroup> parameter_groups(const StepSettings& settings, const UpdateSettings& update);

/// A variable that an update moves: one trained tensor, or all trained tensors of a group as one flat variable.
struct UpdatedVariable {
  std::string name;  ///< the tensor's own; a flat variable has its group's name
  Shape shape;
  std::string group;
  bool leads = false;                    ///< the group's first, in the order of ParameterGroup::tensors
  std::vector<FlatMember> members = {};  ///< of a flat variable, in order; none for a single tensor
  bool operator==(const UpdatedVariable&) const = default;
};

/// The variables that an update moves. `trained` are the tensors that get a gradient (see build_step_graph): others
/// stay as they are, as in torch. Throws Error for a trained tensor that is in no group. With `flat` each group is one
/// variable; else each tensor is, in the order of `trained`.
std::vector<UpdatedVariable> updated_variables(std::span<const Value> trained, std::span<const ParameterGroup> groups,
                                               bool flat);

/// The members of a variable that belongs to a flat one, such as its gradient: "grad." before the name of each.
std::vector<FlatMember> prefixed(std::string_view prefix, std::span<const FlatMember> members);

}  // namespace rankine
