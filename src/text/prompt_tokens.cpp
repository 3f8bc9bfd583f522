#include "text/prompt_tokens.h"

#include <algorithm>

#include "base/log.h"
#include "text/weighted_prompt.h"

namespace rankine {
namespace {

constexpr int64_t kMostChunks = 3;

int64_t count_tokens(const ClipTokenizer& tokenizer, const std::string& prompt) {
  size_t count = 0;
  for (const WeightedText& piece : parse_weighted_prompt(prompt)) count += tokenizer.encode(piece.text).size();
  return static_cast<int64_t>(count);
}

}  // namespace

PromptTokens tokenize_prompts(const ClipTokenizer& tokenizer, std::span<const std::string> prompts) {
  constexpr int64_t length = TokenChunks::text_length;
  int64_t longest = 0;
  for (const std::string& prompt : prompts) longest = std::max(longest, count_tokens(tokenizer, prompt));
  if (longest > length * kMostChunks)
    log::warning("a prompt has ", longest, " tokens; those after ", length * kMostChunks, " are cut off");
  PromptTokens tokens;
  tokens.prompts = std::ssize(prompts);
  tokens.chunks = std::clamp<int64_t>((longest + length - 1) / length, 1, kMostChunks);
  for (const std::string& prompt : prompts) {
    const TokenChunks of_prompt = tokenizer.tokenize_weighted(prompt, static_cast<int>(length * tokens.chunks));
    for (const auto& chunk : of_prompt.ids) tokens.ids.insert(tokens.ids.end(), chunk.begin(), chunk.end());
    for (const auto& chunk : of_prompt.weights) tokens.weights.insert(tokens.weights.end(), chunk.begin(), chunk.end());
  }
  return tokens;
}

}  // namespace rankine
