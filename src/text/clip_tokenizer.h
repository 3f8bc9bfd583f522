#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rankine {

struct ClipTokenizerConfig {
  /// Fills a chunk behind the end mark: 49407 for CLIP-L, 0 for the tokenizers of SD 2 and of SDXL's second encoder.
  int32_t pad_id = 49407;
  /// SD 2: the pad token "!" is a special one, so every "!" of a caption is split off and becomes pad_id (0).
  bool pad_is_special = false;

  static ClipTokenizerConfig clip_l() { return {}; }
  static ClipTokenizerConfig sd2() { return {.pad_id = 0, .pad_is_special = true}; }
  static ClipTokenizerConfig clip_g() { return {.pad_id = 0, .pad_is_special = false}; }
};

/// What the text encoder reads: n chunks of 77 ids, each beginning with 49406 and padded or ended with 49407.
struct TokenChunks {
  static constexpr size_t length = 77;
  std::vector<std::array<int32_t, length>> ids;    // [n][77]
  std::vector<std::array<float, length>> weights;  // [n][77] for weighted captions, else empty
};

/// CLIP's byte-pair encoder (Radford et al. 2021, arXiv:2103.00020) with its merge list built in. Immutable: one
/// instance may be used by any number of threads.
class ClipTokenizer {
 public:
  static constexpr int32_t bos_id = 49406, eos_id = 49407;

  explicit ClipTokenizer(ClipTokenizerConfig config = {});

  /// Ids of a text without begin, end and padding, of any length. The text is repaired (repair_text), its white space
  /// collapsed, and lower-cased; `<|startoftext|>` and `<|endoftext|>` give the special ids. Throws Error when the text
  /// is not valid UTF-8.
  std::vector<int32_t> encode(std::string_view text) const;

  /// A caption in chunks as sd-scripts cuts it. max_token_length: 75 (one chunk), 150 or 225 (two, three); longer
  /// captions are cut off.
  TokenChunks tokenize(std::string_view text, int max_token_length = 75) const;

  /// The same for a caption with `(word:1.3)` weights (parse_weighted_prompt); each piece is tokenised alone. Begin,
  /// end and padding weigh 1.
  TokenChunks tokenize_weighted(std::string_view text, int max_token_length = 75) const;

 private:
  struct Merge {
    int32_t rank;
    int32_t id;
  };

  void encode_segment(std::u32string_view text, std::vector<int32_t>& ids) const;
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;
  TokenChunks cut(std::vector<int32_t> ids, std::vector<float> weights, int max_token_length) const;

  ClipTokenizerConfig config_;
  std::array<int32_t, 256> byte_ids_{};         // of a byte inside a word; + 256 at its end
  std::unordered_map<uint64_t, Merge> merges_;  // key: left id << 32 | right id
};

}  // namespace rankine
