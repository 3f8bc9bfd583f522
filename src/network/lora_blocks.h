#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/adaptable.h"

namespace rankine {

/// Ranks and scales by block; each list has an entry for every block of the denoiser, or none where it was not given.
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

/// Factors on the denoiser's learning rate by block: a side that is left out has 1. Lists of another length than the
/// side's are cut, or filled with 1, and `notes` says so. Throws Error for what is neither a list of numbers nor one of
/// "sine", "cosine", "linear", "reverse_linear", "zeros", each with "+NUMBER" where every block is to have that much
/// more.
std::vector<double> block_lr_weights(const BlockRateTexts& texts, const DenoiserBlocks& blocks,
                                     std::vector<std::string>& notes);

/// "1,2,4": numbers with commas between. `key` names the setting in messages.
std::vector<double> parse_number_list(std::string_view key, std::string_view text);

}  // namespace rankine
