#include "data/token_limit.h"

#include <vector>

#include "text/weighted_prompt.h"

namespace rankine {

int64_t TokenLimit::tokens_of(std::string_view caption) const {
  std::call_once(is_made_, [&] { tokenizer_.emplace(); });
  if (!weighted_) return static_cast<int64_t>(tokenizer_->encode(caption).size());
  int64_t tokens = 0;
  for (const WeightedText& piece : parse_weighted_prompt(caption))
    tokens += static_cast<int64_t>(tokenizer_->encode(piece.text).size());
  return tokens;
}

bool TokenLimit::is_within(std::string_view caption) const {
  // A token has at least one byte, and normalisation makes at most three of it.
  const bool is_short = !weighted_ && caption.size() * 3 <= static_cast<size_t>(limit_);
  return is_short || tokens_of(caption) <= limit_;
}

std::string_view TokenLimit::read_part(std::string_view caption) const {
  if (is_within(caption)) return caption;
  std::vector<size_t> ends;  // where words end
  for (size_t i = 1; i < caption.size(); ++i)
    if (caption[i] == ' ' && caption[i - 1] != ' ') ends.push_back(i);
  size_t low = 0, high = ends.size();  // this many words are read; `high` + 1 are not
  while (low < high) {
    const size_t middle = (low + high + 1) / 2;
    if (is_within(caption.substr(0, ends[middle - 1])))
      low = middle;
    else
      high = middle - 1;
  }
  return caption.substr(0, low == 0 ? 0 : ends[low - 1]);
}

}  // namespace rankine
