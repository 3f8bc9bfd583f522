#include "sample/prompt_states.h"

#include <algorithm>
#include <numeric>

#include "base/log.h"
#include "text/weighted_prompt.h"

namespace rankine {
namespace {

constexpr size_t kChunkTokens = 75, kMostChunks = 3;

size_t count_tokens(const ClipTokenizer& tokenizer, const std::string& prompt) {
  size_t count = 0;
  for (const WeightedText& piece : parse_weighted_prompt(prompt)) count += tokenizer.encode(piece.text).size();
  return count;
}

}  // namespace

PromptTokens tokenize_prompts(const ClipTokenizer& tokenizer, std::span<const std::string> prompts) {
  size_t longest = 0;
  for (const std::string& prompt : prompts) longest = std::max(longest, count_tokens(tokenizer, prompt));
  if (longest > kChunkTokens * kMostChunks)
    log::warning("a prompt has ", longest, " tokens; those after ", kChunkTokens * kMostChunks, " are cut off");
  const size_t chunks = std::clamp<size_t>((longest + kChunkTokens - 1) / kChunkTokens, 1, kMostChunks);
  PromptTokens tokens;
  tokens.chunks = static_cast<int64_t>(chunks);
  for (const std::string& prompt : prompts) {
    const TokenChunks of_prompt = tokenizer.tokenize_weighted(prompt, static_cast<int>(kChunkTokens * chunks));
    for (const auto& chunk : of_prompt.ids) tokens.ids.insert(tokens.ids.end(), chunk.begin(), chunk.end());
    for (const auto& chunk : of_prompt.weights) tokens.weights.insert(tokens.weights.end(), chunk.begin(), chunk.end());
  }
  return tokens;
}

std::vector<float> weighted_states(const PromptTokens& tokens, std::span<const float> all, size_t index) {
  const size_t positions = static_cast<size_t>(tokens.chunks) * TokenChunks::length;
  const size_t prompts = tokens.weights.size() / positions, size = all.size() / prompts, width = size / positions;
  const auto part = all.subspan(index * size, size);
  const auto weights = std::span(tokens.weights).subspan(index * positions, positions);
  std::vector<float> states(part.begin(), part.end());
  if (std::ranges::all_of(weights, [](float weight) { return weight == 1; })) return states;
  for (size_t i = 0; i < states.size(); ++i) states[i] *= weights[i / width];
  const double before = std::accumulate(part.begin(), part.end(), 0.0);
  const double after = std::accumulate(states.begin(), states.end(), 0.0);
  for (float& x : states) x = static_cast<float>(x * (before / after));
  return states;
}

}  // namespace rankine
