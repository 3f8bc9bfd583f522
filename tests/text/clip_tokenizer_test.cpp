#include "text/clip_tokenizer.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using json = nlohmann::ordered_json;

namespace {

struct Family {
  std::string name;
  ClipTokenizer tokenizer;
};

const std::vector<Family>& families() {
  static const std::vector<Family> all = {{"clip_l", ClipTokenizer(ClipTokenizerConfig::clip_l())},
                                          {"sd2", ClipTokenizer(ClipTokenizerConfig::sd2())},
                                          {"clip_g", ClipTokenizer(ClipTokenizerConfig::clip_g())}};
  return all;
}

constexpr std::pair<const char*, int> lengths[] = {{"77", 75}, {"150", 150}, {"225", 225}};

}  // namespace

TEST_CASE("captions give the recorded ids, raw and in one, two and three chunks") {
  const json table = golden::read_reference_json("tokenizer.json");
  if (!table.contains("captions")) return;
  const json& cases = table.at("captions");
  int case_number = 0;
  for (const json& c : cases) {
    const std::string text = c.at("text");
    CAPTURE(text);
    golden::ran(concat_text("tokenizer.captions.", case_number++));
    CHECK(families()[0].tokenizer.encode(text) == c.at("raw_ids").get<std::vector<int32_t>>());
    CHECK(families()[1].tokenizer.encode(text) == c.at("raw_ids_sd2").get<std::vector<int32_t>>());
    for (const Family& family : families()) {
      for (const auto& [suffix, max_token_length] : lengths) {
        const std::string key = family.name + "_" + suffix;
        CAPTURE(key);
        const TokenChunks chunks = family.tokenizer.tokenize(text, max_token_length);
        CHECK(json(chunks.ids) == c.at(key));
        CHECK(chunks.weights.empty());
      }
    }
  }
}

TEST_CASE("weighted captions give the recorded ids and weights") {
  const json table = golden::read_reference_json("tokenizer.json");
  if (!table.contains("weighted")) return;
  const json& cases = table.at("weighted");
  int case_number = 0;
  for (const json& c : cases) {
    const std::string text = c.at("text");
    CAPTURE(text);
    golden::ran(concat_text("tokenizer.weighted.", case_number++));
    for (const Family& family : families()) {
      for (const auto& [suffix, max_token_length] : lengths) {
        if (!c.contains(family.name + "_ids_" + suffix)) continue;
        CAPTURE(family.name);
        CAPTURE(suffix);
        const TokenChunks chunks = family.tokenizer.tokenize_weighted(text, max_token_length);
        CHECK(json(chunks.ids) == c.at(family.name + "_ids_" + suffix));
        CHECK(json(chunks.weights) == c.at(family.name + "_weights_" + suffix));
      }
    }
  }
}

TEST_CASE("special tokens are found in any case, and the text around them is cleaned by itself") {
  const ClipTokenizer& t = families()[0].tokenizer;
  CHECK(t.encode("A<|EndOfText|>b") == t.encode("a<|endoftext|>b"));
  // The '<' of the mark does not switch off the entities beside it.
  CHECK(t.encode("<|endoftext|> tom &amp; jerry") == t.encode("<|endoftext|> tom & jerry"));
}

TEST_CASE("malformed UTF-8 is an error that names the byte") {
  const ClipTokenizer& t = families()[0].tokenizer;
  CHECK_THROWS_WITH_AS(t.encode("abc\xff"), doctest::Contains("byte 3"), Error);
  for (const std::string& bad : {std::string("\x80"), std::string("a\xc3"), std::string("\xc0\xaf"),
                                 std::string("\xed\xa0\x80"), std::string("\xf5\x80\x80\x80"), std::string("\xe2\x82")})
    CHECK_THROWS_AS(t.encode(bad), Error);
  CHECK_THROWS_AS(t.tokenize("a", 76), Error);
}

TEST_CASE("one tokenizer serves many threads") {
  const ClipTokenizer& t = families()[0].tokenizer;
  const std::string text = "caf\u00e9 &eacute; supercalifragilisticexpialidocious";
  const std::vector<int32_t> expected = t.encode(text);
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& w : wrong)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) w += t.encode(text) != expected;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4));
}

TEST_CASE("a word of a hundred thousand letters is encoded, not waited for") {
  const ClipTokenizer& t = families()[0].tokenizer;
  CHECK(t.encode(std::string(100000, 'x')).size() < 50000);
}
