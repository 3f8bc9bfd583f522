#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rankine {

struct ClipTokenizerConfig {
  /// Fills a chunk after the end mark: 49407 for CLIP-L, 0 for the tokenizers of SD 2 and of SDXL's second encoder.
  int32_t pad_id = 49407;
  /// SD 2: the pad token "!" is special, so every "!" of a caption is split off and becomes pad_id (0).
  bool pad_is_special = false;

  static ClipTokenizerConfig clip_l() { return {}; }
  static ClipTokenizerConfig sd2() { return {.pad_id = 0, .pad_is_special = true}; }
  static ClipTokenizerConfig clip_g() { return {.pad_id = 0, .pad_is_special = false}; }
};

/// The input of a text encoder: n chunks of 77 ids. Each begins with 49406 and is padded or ended with 49407.
struct TokenChunks {
  static constexpr int64_t length = 77, text_length = length - 2;  // with and without the begin and end marks
  std::vector<std::array<int32_t, length>> ids;                    // [n][77]
  std::vector<std::array<float, length>> weights;                  // [n][77] for weighted captions, else empty
};

/// The chunks of --max_token_length: 1, 2 or 3 for 75 (also when unset), 150 or 225. Throws Error for other lengths.
int64_t token_chunks(std::optional<int> max_token_length);

/// CLIP's byte-pair encoder (Radford et al. 2021, arXiv:2103.00020) with its merge list built in. It is immutable: any
/// number of threads may share an instance.
class ClipTokenizer {
 public:
  static constexpr int32_t bos_id = 49406, eos_id = 49407;

  explicit ClipTokenizer(ClipTokenizerConfig config = {});

  /// The ids of a text of any length, without begin, end and padding. Repairs the text (repair_text), collapses its
  /// white space, and makes it lower-case. `<|startoftext|>` and `<|endoftext|>` give the special ids. Throws Error if
  /// the text is not valid UTF-8.
  std::vector<int32_t> encode(std::string_view text) const;

  /// Splits a caption into chunks as sd-scripts does. max_token_length: 75 (one chunk), 150 or 225 (two, three). A
  /// longer caption loses its end.
  TokenChunks tokenize(std::string_view text, int max_token_length = TokenChunks::text_length) const;

  /// The same for a caption with `(word:1.3)` weights (parse_weighted_prompt); each piece is tokenised alone. Begin,
  /// end and padding have weight 1.
  TokenChunks tokenize_weighted(std::string_view text, int max_token_length = TokenChunks::text_length) const;

 private:
  struct Merge {
    int32_t rank;
    int32_t id;
  };

  void encode_segment(std::u32string_view text, std::vector<int32_t>& ids) const;
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;
  TokenChunks cut(std::vector<int32_t> ids, std::vector<float> weights, int max_token_length) const;

  ClipTokenizerConfig config_;
  std::array<int32_t, 256> byte_ids_{};         // id of a byte inside a word; + 256 at the word's end
  std::unordered_map<uint64_t, Merge> merges_;  // key: left id << 32 | right id
};

}  // namespace rankine
