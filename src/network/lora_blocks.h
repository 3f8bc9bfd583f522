#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// The U-Net of SD 1.x in the 25 blocks that sd-scripts gives ranks and learning rates to: 0 is conv_in (never
/// adapted), then 1 to 11 down, 12 in the middle, 13 to 24 up.
inline constexpr int kBlocksOnOneSide = 12, kLoraBlocks = 2 * kBlocksOnOneSide + 1;

/// The block of a U-Net module by its path: "unet.down_blocks.1.attentions.0.proj_in" is in block 4. Throws Error for a
/// path outside all blocks.
int lora_block(std::string_view path);

/// Ranks and scales by block; each list has kLoraBlocks entries, or none where it was not given.
struct BlockRanks {
  std::vector<int64_t> dims, conv_dims;     ///< 0: not adapted
  std::vector<double> alphas, conv_alphas;  ///< of the linear layers and 1x1 convolutions, of the 3x3 convolutions
};

/// down_lr_weight, mid_lr_weight and up_lr_weight of --network_args, as they were written.
struct BlockRateTexts {
  std::optional<std::string> down, mid, up;
  double zero_threshold = 0;  ///< weights up to it become 0

  bool given() const { return down || mid || up; }
};

/// Factors on the U-Net's learning rate by block: what is left out is 1. Lists of another length than the side's are
/// cut, or filled with 1, and `notes` says so. Throws Error for what is neither a list of numbers nor one of "sine",
/// "cosine", "linear", "reverse_linear", "zeros", each with "+NUMBER" where every block is to have that much more.
std::vector<double> block_lr_weights(const BlockRateTexts& texts, std::vector<std::string>& notes);

/// "1,2,4": numbers with commas between. `key` names the setting in messages.
std::vector<double> parse_number_list(std::string_view key, std::string_view text);

}  // namespace rankine
