#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/clip_tokenizer.h"

namespace rankine {

/// A caption as training reads it.
struct CaptionTokens {
  std::vector<int32_t> ids;    ///< [chunks, 77]
  std::vector<float> weights;  ///< of each state of the context, [77] or [75 chunks + 2]; empty: ones
};

/// Tokenizes a caption and cuts it off after `chunks` chunks. `weighted`: the caption may have weights, "(word:1.2)",
/// --weighted_captions. Throws Error for a weight that is no number.
CaptionTokens tokenize_caption(const ClipTokenizer& tokenizer, const std::string& caption, int64_t chunks,
                               bool weighted);

/// The weights of chunks for the states that clip_text makes of them: begin and end of the whole have weight 1.
std::vector<float> context_weights(std::span<const std::array<float, TokenChunks::length>> chunks);

}  // namespace rankine
