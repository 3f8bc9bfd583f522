#pragma once
#include <map>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "models/checkpoint/checkpoint.h"
#include "network/adapter.h"
#include "network/network_config.h"

namespace rankine {

/// Frozen weights with adapters merged into them (--base_weights): W + the sum of strength * update (see
/// AdapterKind::add_update). Each tensor is merged when it is read, so a second model is never in memory.
class MergedConstants : public ConstantSource {
 public:
  /// `base` must outlive it. Without adapters the weights are the base's. Adapters of strength 0 are left out.
  MergedConstants(ConstantSource& base, std::vector<WeightedAdapter> adapters);
  void read(std::string_view name, const Shape& shape, std::span<float> out) override;
  std::optional<StoredTensor> stored(std::string_view name) override {
    return updates_.contains(name) ? std::nullopt : base_.stored(name);
  }
  void release(std::string_view name) override { base_.release(name); }
  /// Number of the model's layers that something is merged into.
  size_t layers() const { return updates_.size(); }

 private:
  struct Update {
    const AdapterKind* kind;
    LayerWeights weights;
    double strength;
  };
  ConstantSource& base_;
  std::map<std::string, std::vector<Update>, std::less<>> updates_;  // by the adapted weight's name
};

/// Reads --base_weights with their multipliers (default 1). Throws Error for a file that is not an adapter for the
/// checkpoint's model.
std::vector<WeightedAdapter> read_base_weights(const NetworkConfig& config, const Checkpoint& checkpoint);

/// The part of a run's identity that comes from --base_weights: the files' contents and multipliers; "None" without
/// any.
std::string base_weights_text(const NetworkConfig& config);

}  // namespace rankine
