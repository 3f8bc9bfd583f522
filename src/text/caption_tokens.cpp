#include "text/caption_tokens.h"

namespace rankine {

CaptionTokens tokenize_caption(const ClipTokenizer& tokenizer, const std::string& caption, int64_t chunks,
                               bool weighted) {
  const int length = static_cast<int>(chunks * TokenChunks::text_length);
  const TokenChunks cut = weighted ? tokenizer.tokenize_weighted(caption, length) : tokenizer.tokenize(caption, length);
  CaptionTokens tokens;
  for (const auto& chunk : cut.ids) tokens.ids.insert(tokens.ids.end(), chunk.begin(), chunk.end());
  if (weighted) tokens.weights = context_weights(cut.weights);
  return tokens;
}

std::vector<float> context_weights(std::span<const std::array<float, TokenChunks::length>> chunks) {
  std::vector<float> weights = {1};
  for (const auto& chunk : chunks) weights.insert(weights.end(), chunk.begin() + 1, chunk.end() - 1);
  weights.push_back(1);
  return weights;
}

}  // namespace rankine
