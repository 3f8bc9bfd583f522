#include "text/clip_tokenizer.h"

#include <algorithm>
#include <queue>
#include <string>

#include "base/error.h"
#include "text/assets.h"
#include "text/repair_text.h"
#include "text/unicode.h"
#include "text/weighted_prompt.h"

namespace rankine {
namespace {

constexpr std::u32string_view start_mark = U"<|startoftext|>", end_mark = U"<|endoftext|>";
constexpr auto chunk_text_length = static_cast<size_t>(TokenChunks::text_length);

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// The vocabulary writes each byte as one visible character (printable Latin-1 as itself, the 68 others as U+0100
// onwards) and numbers the bytes in that order.
struct ByteAlphabet {
  std::array<int32_t, 256> ids{};
  std::array<std::string, 256> letters;  // by id, UTF-8
};

ByteAlphabet byte_alphabet() {
  const auto printable = [](int b) { return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae; };
  ByteAlphabet alphabet;
  int32_t next_id = 0;
  char32_t next_letter = 0x100;
  for (const bool wanted : {true, false}) {
    for (int b = 0; b < 256; ++b) {
      if (printable(b) != wanted) continue;
      const char32_t letter = wanted ? static_cast<char32_t>(b) : next_letter++;
      alphabet.letters[static_cast<size_t>(next_id)] = encode_utf8({&letter, 1});
      alphabet.ids[static_cast<size_t>(b)] = next_id++;
    }
  }
  return alphabet;
}

// The length of "'s", "'t", "'re", "'ve", "'m", "'ll" or "'d" at the start, which are words of their own; else 0. CLIP
// ignores case, and U+017F is a small s.
size_t contraction_length(std::u32string_view text) {
  if (text.size() < 2 || text[0] != U'\'') return 0;
  const std::u32string_view two = text.substr(1, 2);
  if (text[1] == U's' || text[1] == 0x17f || text[1] == U't') return 2;
  if (two == U"re" || two == U"ve") return 3;
  if (text[1] == U'm') return 2;
  if (two == U"ll") return 3;
  return text[1] == U'd' ? 2 : 0;
}

// The length of the first word: a contraction, a run of letters, one digit, or a run of other characters without
// spaces.
size_t word_length(std::u32string_view text) {
  if (const size_t n = contraction_length(text); n > 0) return n;
  if (is_number(text[0])) return 1;
  const bool letters = is_letter(text[0]);
  size_t n = 1;
  while (n < text.size() &&
         (letters ? is_letter(text[n]) : !is_letter(text[n]) && !is_number(text[n]) && !is_space(text[n])))
    ++n;
  return n;
}

// The position of `mark` at or after `from`, else the end of the text.
size_t find_mark(std::u32string_view text, std::u32string_view mark, size_t from) {
  return std::min(text.find(mark, from), text.size());
}

}  // namespace

int64_t token_chunks(std::optional<int> max_token_length) {
  constexpr int64_t length = TokenChunks::text_length, most = 3;
  const int64_t wanted = max_token_length.value_or(length), chunks = wanted / length;
  check(wanted % length == 0 && chunks >= 1 && chunks <= most, "--max_token_length must be ", length, ", ", 2 * length,
        " or ", most * length, ", got ", wanted);
  return chunks;
}

ClipTokenizer::ClipTokenizer(ClipTokenizerConfig config) : config_(config) {
  constexpr int32_t first_merge_id = 512, merge_count = 48894;
  const ByteAlphabet alphabet = byte_alphabet();
  byte_ids_ = alphabet.ids;
  const std::string lines = gunzip(assets::clip_merges_gz());

  std::unordered_map<std::string, int32_t> ids;  // by the token's spelling
  ids.reserve(bos_id);
  merges_.reserve(merge_count);
  for (int32_t b = 0; b < 256; ++b) {
    const std::string& letter = alphabet.letters[static_cast<size_t>(b)];
    ids.emplace(letter, b);
    ids.emplace(letter + "</w>", b + 256);
  }
  int32_t rank = 0;
  for (size_t begin = 0; begin < lines.size(); ++rank) {
    const size_t space = lines.find(' ', begin), end = lines.find('\n', begin);
    std::string left = lines.substr(begin, space - begin);
    const std::string right = lines.substr(space + 1, end - space - 1);
    const int32_t id = first_merge_id + rank;
    merges_.emplace(pair_key(ids.at(left), ids.at(right)), Merge{rank, id});
    ids.emplace(std::move(left += right), id);
    begin = end + 1;
  }
  check(rank == merge_count, "CLIP's merge list has ", rank, " lines, expected ", merge_count);
}

// Merges the pair of lowest rank first, the leftmost of equals, until no pair is in the list.
void ClipTokenizer::encode_word(std::string_view word, std::vector<int32_t>& ids) const {
  struct Candidate {
    int32_t rank;
    size_t left, right;  // positions of the two parts
    int32_t left_id, right_id, id;
    bool operator>(const Candidate& o) const { return rank != o.rank ? rank > o.rank : left > o.left; }
  };
  constexpr int32_t merged_away = -1;
  const size_t n = word.size();
  std::vector<int32_t> part(n);
  std::vector<size_t> next(n), previous(n);  // position n: none
  for (size_t i = 0; i < n; ++i) {
    part[i] = byte_ids_[static_cast<unsigned char>(word[i])] + (i + 1 == n ? 256 : 0);
    next[i] = i + 1;
    previous[i] = i == 0 ? n : i - 1;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](size_t left, size_t right) {
    if (left == n || right == n) return;
    const auto found = merges_.find(pair_key(part[left], part[right]));
    if (found != merges_.end())
      queue.push({found->second.rank, left, right, part[left], part[right], found->second.id});
  };
  for (size_t i = 0; i + 1 < n; ++i) offer(i, i + 1);
  while (!queue.empty()) {
    const Candidate c = queue.top();
    queue.pop();
    // Another merge may already have used one of the two.
    if (part[c.left] != c.left_id || part[c.right] != c.right_id || next[c.left] != c.right) continue;
    part[c.left] = c.id;
    part[c.right] = merged_away;
    next[c.left] = next[c.right];
    if (next[c.right] < n) previous[next[c.right]] = c.left;
    offer(previous[c.left], c.left);
    offer(c.left, next[c.left]);
  }
  for (size_t i = 0; i < n; i = next[i]) ids.push_back(part[i]);
}

// Encodes text without special tokens.
void ClipTokenizer::encode_segment(std::u32string_view text, std::vector<int32_t>& ids) const {
  const std::u32string clean = to_lower(collapse_spaces(repair_text(text)));
  for (std::u32string_view rest = clean; !rest.empty();) {
    size_t length = 1;
    if (rest.starts_with(start_mark)) {  // upper-case ones appear only here
      ids.push_back(bos_id);
      length = start_mark.size();
    } else if (rest.starts_with(end_mark)) {
      ids.push_back(eos_id);
      length = end_mark.size();
    } else if (!is_space(rest[0])) {
      length = word_length(rest);
      encode_word(encode_utf8(rest.substr(0, length)), ids);
    }
    rest.remove_prefix(length);
  }
}

std::vector<int32_t> ClipTokenizer::encode(std::string_view text) const {
  const std::u32string characters = decode_utf8(text);
  struct Special {
    std::u32string_view mark;
    int32_t id;
    bool on;
  };
  const std::array specials = {Special{start_mark, bos_id, true}, Special{end_mark, eos_id, true},
                               Special{U"!", config_.pad_id, config_.pad_is_special}};
  std::vector<int32_t> ids;
  std::array<size_t, 3> found{};
  const auto search = [&](size_t s, size_t from) {
    found[s] = specials[s].on ? find_mark(characters, specials[s].mark, from) : characters.size();
  };
  for (size_t s = 0; s < specials.size(); ++s) search(s, 0);
  for (size_t begin = 0; begin < characters.size();) {
    for (size_t s = 0; s < specials.size(); ++s)
      if (found[s] < begin) search(s, begin);
    const size_t s = static_cast<size_t>(std::ranges::min_element(found) - found.begin());
    encode_segment(std::u32string_view(characters).substr(begin, found[s] - begin), ids);
    if (found[s] == characters.size()) break;
    ids.push_back(specials[s].id);
    begin = found[s] + specials[s].mark.size();
  }
  return ids;
}

TokenChunks ClipTokenizer::cut(std::vector<int32_t> ids, std::vector<float> weights, int max_token_length) const {
  const auto chunks = static_cast<size_t>(token_chunks(max_token_length));
  const size_t room = chunks * chunk_text_length;
  const bool filled = ids.size() >= room;
  ids.resize(std::min(ids.size(), room));
  const int32_t last_id = filled ? eos_id : config_.pad_id;
  if (!filled) ids.push_back(eos_id);
  ids.resize(room, config_.pad_id);
  const bool weighted = !weights.empty();
  weights.resize(room, 1.0f);

  TokenChunks out;
  for (size_t c = 0; c < chunks; ++c) {
    std::array<int32_t, TokenChunks::length> chunk;
    chunk.front() = bos_id;
    std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(c * chunk_text_length), chunk_text_length, chunk.begin() + 1);
    chunk.back() = last_id;
    // sd-scripts repairs chunks only where padding differs from the end mark, and only when there are several.
    if (chunks > 1 && config_.pad_id != eos_id) {
      const int32_t last_text_id = chunk[chunk_text_length];
      if (last_text_id != eos_id && last_text_id != config_.pad_id) chunk.back() = eos_id;
      if (chunk[1] == config_.pad_id) chunk[1] = eos_id;
    }
    out.ids.push_back(chunk);
    if (weighted) {
      std::array<float, TokenChunks::length> w;
      w.fill(1.0f);
      std::copy_n(weights.begin() + static_cast<std::ptrdiff_t>(c * chunk_text_length), chunk_text_length,
                  w.begin() + 1);
      out.weights.push_back(w);
    }
  }
  return out;
}

TokenChunks ClipTokenizer::tokenize(std::string_view text, int max_token_length) const {
  return cut(encode(text), {}, max_token_length);
}

TokenChunks ClipTokenizer::tokenize_weighted(std::string_view text, int max_token_length) const {
  std::vector<int32_t> ids;
  std::vector<float> weights;
  for (const WeightedText& piece : parse_weighted_prompt(text)) {
    const std::vector<int32_t> piece_ids = encode(piece.text);
    ids.insert(ids.end(), piece_ids.begin(), piece_ids.end());
    weights.insert(weights.end(), piece_ids.size(), static_cast<float>(piece.weight));
  }
  weights.push_back(1.0f);  // for the end mark; an empty caption has weights too
  return cut(std::move(ids), std::move(weights), max_token_length);
}

}  // namespace rankine
