#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "models/adaptable.h"
#include "network/lora_blocks.h"

namespace rankine {

/// A layer that an adapter of any kind changes: one linear or conv2d layer of the model.
struct AdaptedLayer {
  std::string key;             ///< as in the file: "lora_unet_mid_block_attentions_0_proj_in"
  std::string path;            ///< "unet.mid_block.attentions.0.proj_in"
  Role role = Role::denoiser;  ///< of the part that it belongs to
  Shape weight;                ///< of the adapted weight
  int64_t rank = 0;
  double alpha = 0;
  /// Where the denoiser's blocks or the text encoders have learning rates of their own: the block, or the text encoder
  /// from 1, and the factor on the common rate. A module of factor 0 does not train.
  std::optional<int> rate_block = {};
  double lr_weight = 1;

  bool is_conv() const { return weight.size() == 4; }
  bool in_text_encoder() const { return role == Role::text_encoder; }
  double scale() const { return alpha / static_cast<double>(rank); }
  /// Inputs that one output sums over.
  int64_t fan_in() const { return count_of(weight) / weight[0]; }
};

struct AdapterTargets {
  bool unet = true;
  bool text_encoder = true;
  int64_t network_dim = 4;
  double network_alpha = 1;              ///< 0 means: as large as the rank
  std::optional<int64_t> conv_dim = {};  ///< adapts the convolutional blocks too; their 3x3 kernels at this rank
  double conv_alpha = 1;
  BlockRanks blocks = {};  ///< override the ranks and alphas above in the denoiser; conv_dims adapts as conv_dim does
};

/// The key in a LoRA file of the module at a canonical path: "unet.down_blocks.0.attentions.0.proj_in" ->
/// "lora_unet_down_blocks_0_attentions_0_proj_in". Throws Error for a path that belongs to none of the parts.
std::string kohya_key(std::string_view path, const AdaptableModules& model);

/// The modules to adapt, in the order of sd-scripts: part by part, in each by the order of `model.words`. Adapted are
/// linear layers and convolutions; convolutional blocks only with conv_dim, which is the rank of their 3x3 kernels.
/// `weights` are those of the base model by their canonical names; they may hold anything else and have any order.
/// Modules of rank 0 in a block are left out. Throws Error when another rank is below 1 or nothing is left to adapt.
std::vector<AdaptedLayer> adapted_layers(std::span<const NamedShape> weights, const AdaptableModules& model,
                                         const AdapterTargets& targets);

/// All modules that an adapter's file may change in a model. Their ranks and alphas are undefined.
std::vector<AdaptedLayer> adaptable_layers(std::span<const NamedShape> weights, const AdaptableModules& model);

/// Gives the denoiser's modules the factors of their blocks: one for each block, or none where all have one rate.
void set_block_rates(std::span<AdaptedLayer> modules, const DenoiserBlocks& blocks,
                     std::span<const double> block_lr_weight);

/// Gives the modules of each text encoder its factor on the text encoders' rate: one for each, in the order of
/// `model.parts`. Does nothing where all factors are 1.
void set_text_encoder_rates(std::span<AdaptedLayer> modules, const AdaptableModules& model,
                            std::span<const double> factors);

/// The number of a model's text encoders.
size_t text_encoder_count(const AdaptableModules& model);

}  // namespace rankine
