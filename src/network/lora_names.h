#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "network/lora_blocks.h"

namespace rankine {

/// One adapted module: y = W x + up(down(x)) * alpha / rank.
struct AdaptedLayer {
  std::string key;   ///< as in the file: "lora_unet_mid_block_attentions_0_proj_in"
  std::string path;  ///< "unet.mid_block.attentions.0.proj_in"
  Shape weight;      ///< of the adapted weight
  int64_t rank = 0;
  double alpha = 0;
  /// Where the U-Net's blocks have learning rates of their own: the block, and the factor on the U-Net's rate. A module
  /// of factor 0 does not train.
  std::optional<int> rate_block = {};
  double lr_weight = 1;

  bool is_conv() const { return weight.size() == 4; }
  bool in_text_encoder() const { return path.starts_with("text_encoder"); }
  double scale() const { return alpha / static_cast<double>(rank); }
  /// Inputs that one output sums over; fresh lora_down is uniform in +-1/sqrt(fan_in).
  int64_t fan_in() const { return count_of(weight) / weight[0]; }
  /// [rank, in] or [rank, in, kh, kw]: the module's own kernel.
  Shape down_shape() const;
  /// [out, rank] or [out, rank, 1, 1].
  Shape up_shape() const;
};

struct AdapterTargets {
  bool unet = true;
  bool text_encoder = true;
  int64_t network_dim = 4;
  double network_alpha = 1;              ///< 0 means: as large as the rank
  std::optional<int64_t> conv_dim = {};  ///< adapts the convolutional blocks too; their 3x3 kernels at this rank
  double conv_alpha = 1;
  BlockRanks blocks = {};  ///< go before the ranks and alphas above, in the U-Net; conv_dims adapts as conv_dim does
};

/// The key in a LoRA file of the module at a diffusers path: "unet.down_blocks.0.attentions.0.proj_in" ->
/// "lora_unet_down_blocks_0_attentions_0_proj_in", "text_encoder.text_model..." -> "lora_te_text_model...".
/// Throws Error for a path of another model.
std::string kohya_key(std::string_view path);

/// The modules to adapt, in the order of sd-scripts (text encoder, then U-Net: down, up, middle). Adapted are linear
/// layers and 1x1 convolutions of the U-Net's attention blocks; with conv_dim everything in its ResNet blocks, down-
/// and upsamplers too; in the text encoder the projections and MLPs of every layer. `weights` may hold anything else
/// and have any order. Modules of rank 0 in a block are left out. Throws Error when another rank is below 1 or nothing
/// is left to adapt.
///
/// `weights` are those of the base model by their diffusers paths: "unet.mid_block.attentions.0.proj_in.weight"
/// [out, in] or [out, in, kh, kw], "text_encoder.text_model.encoder.layers.0.mlp.fc1.weight".
std::vector<AdaptedLayer> adapted_layers(std::span<const NamedShape> weights, const AdapterTargets& targets);

/// All modules that a LoRA file may adapt in a model, for read_lora. Their ranks and alphas mean nothing.
std::vector<AdaptedLayer> adaptable_layers(std::span<const NamedShape> weights);

/// Gives the U-Net's modules the factors of their blocks: kLoraBlocks of them, or none where all have one rate.
void set_block_rates(std::span<AdaptedLayer> modules, std::span<const double> block_lr_weight);

}  // namespace rankine
