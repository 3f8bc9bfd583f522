#pragma once
#include <optional>
#include <string>
#include <vector>

namespace rankine {

/// The adapter, as flags describe it. Fields carry the names of sd-scripts' flags.
struct NetworkConfig {
  std::optional<std::string> network_module;    ///< the kind of adapter: see find_adapter
  std::optional<std::string> network_weights;   ///< an adapter's file to start from
  std::optional<int> network_dim;               ///< the adapter's rank; 4 when unset
  double network_alpha = 1;                     ///< the update is scaled by alpha / rank
  std::optional<double> network_dropout;        ///< chance of each inner value to be zeroed: see AdapterDropout
  std::vector<std::string> network_args;        ///< "key=value" each: see NetworkArgs
  bool dim_from_weights = false;                ///< modules, ranks and alphas are those of network_weights
  std::optional<double> scale_weight_norms;     ///< largest norm of a module's update; 0: any
  std::vector<std::string> base_weights;        ///< adapters' files merged into the base model first
  std::vector<double> base_weights_multiplier;  ///< strength of each; 1 where none is given
  bool network_train_unet_only = false;
  bool network_train_text_encoder_only = false;

  int rank() const { return network_dim.value_or(4); }
  bool trains_unet() const { return !network_train_text_encoder_only; }
  bool trains_text_encoder() const { return !network_train_unet_only; }
};

}  // namespace rankine
