#pragma once
#include <map>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "models/checkpoint/checkpoint.h"
#include "network/merge_loras.h"
#include "network/network_config.h"

namespace rankine {

/// Frozen weights with LoRAs merged into them (--base_weights): W + sum of strength * alpha / rank * up * down. Each
/// tensor is merged when it is read, so that no second model is ever held.
class MergedConstants : public ConstantSource {
 public:
  /// `base` must outlive it. Without LoRAs the weights are the base's.
  MergedConstants(ConstantSource& base, std::span<const WeightedLora> loras);
  void read(std::string_view name, const Shape& shape, std::span<float> out) override;
  void release(std::string_view name) override { base_.release(name); }
  /// Modules of the model that something is merged into.
  size_t modules() const { return by_weight_.size(); }

 private:
  ConstantSource& base_;
  std::map<std::string, LoadedLora, std::less<>> by_weight_;  // by the adapted weight's name
};

/// Reads --base_weights with their multipliers (1 where none is given). Throws Error for a file that is no LoRA for the
/// checkpoint's model.
std::vector<WeightedLora> read_base_weights(const NetworkConfig& config, const Checkpoint& checkpoint);

/// What a run's numbers take from --base_weights: the files' contents and multipliers; "None" without any.
std::string base_weights_text(const NetworkConfig& config);

}  // namespace rankine
