#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "text/clip_tokenizer.h"

namespace rankine {

/// Tells how much of a caption the text encoder reads. Thread-safe.
class TokenLimit {
 public:
  /// max_token_length: 75, 150 or 225. `weighted`: "(word:1.2)" is one word with a weight.
  explicit TokenLimit(int max_token_length, bool weighted = false) : limit_(max_token_length), weighted_(weighted) {}

  int limit() const { return limit_; }
  /// Throws Error if the caption's weights cannot be read.
  int64_t tokens_of(std::string_view caption) const;
  /// Throws as tokens_of does.
  bool is_within(std::string_view caption) const;
  /// The leading words that the text encoder reads; the whole caption if it is within the limit.
  std::string_view read_part(std::string_view caption) const;

 private:
  int limit_;
  bool weighted_;
  // Made at first use: unpacking its tables takes longer than checking a small folder.
  mutable std::once_flag is_made_;
  mutable std::optional<ClipTokenizer> tokenizer_;
};

}  // namespace rankine
