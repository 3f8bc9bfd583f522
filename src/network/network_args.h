#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "network/adapter.h"
#include "network/lora_blocks.h"

namespace rankine {

/// The settings of --network_args, under sd-scripts' names.
struct NetworkArgs {
  std::optional<int64_t> conv_dim = {};  ///< adapts the convolutional blocks too; their 3x3 kernels at this rank
  double conv_alpha = 1;
  BlockRanks blocks = {};                    ///< block_dims, block_alphas, conv_block_dims, conv_block_alphas
  std::vector<double> block_lr_weight = {};  ///< by block: see block_lr_weights; empty: one rate for the denoiser
  /// LoRA+: tensors marked AdapterTensor::second learn at this multiple of the rate, in both models or in one.
  std::optional<double> loraplus_lr_ratio = {}, loraplus_unet_lr_ratio = {}, loraplus_text_encoder_lr_ratio = {};
  double rank_dropout = 0, module_dropout = 0;                  ///< see AdapterDropout
  std::vector<std::pair<std::string, std::string>> given = {};  ///< as written, for the file's metadata
  std::vector<std::string> notes = {};                          ///< notes for the user

  std::optional<double> unet_ratio() const {
    return loraplus_unet_lr_ratio ? loraplus_unet_lr_ratio : loraplus_lr_ratio;
  }
  std::optional<double> text_encoder_ratio() const {
    return loraplus_text_encoder_lr_ratio ? loraplus_text_encoder_lr_ratio : loraplus_lr_ratio;
  }
};

/// Reads "key=value" items; of two with one key the later counts. Throws Error for an item that is none, a key that
/// `kind` does not have (the nearest and all known ones are named), and a value that is no number, out of range or a
/// list of another length. `blocks` are those of the model that trains. Null: the model is not known yet, lengths are
/// not checked and block_lr_weight stays empty.
NetworkArgs parse_network_args(std::span<const std::string> items, const DenoiserBlocks* blocks,
                               const AdapterKind& kind = find_adapter(""));

}  // namespace rankine
