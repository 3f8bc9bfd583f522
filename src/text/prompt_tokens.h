#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/clip_tokenizer.h"

namespace rankine {

/// Tokenized prompts. All have as many chunks as the longest one needs, up to 3. Unlike captions in training, the
/// chunks keep their begin and end marks: this is the context of sd-scripts' previews (its "long prompt weighting"
/// pipeline).
struct PromptTokens {
  int64_t prompts = 0, chunks = 1;
  std::vector<int32_t> ids;    ///< [prompts, chunks, 77]
  std::vector<float> weights;  ///< [prompts, chunks * 77], of `(word:1.2)`
};

/// Throws Error for a weight that is no number. Prompts over 225 tokens are cut off, with a warning.
PromptTokens tokenize_prompts(const ClipTokenizer& tokenizer, std::span<const std::string> prompts);

}  // namespace rankine
