#include "sample/prompt_states.h"

#include <doctest/doctest.h>

#include <numeric>

#include "base/error.h"
#include "base/log.h"

using namespace rankine;

namespace {

PromptTokens tokens_of(const std::vector<std::string>& prompts) {
  return tokenize_prompts(ClipTokenizer(ClipTokenizerConfig::clip_l()), prompts);
}

std::string words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "cat ";
  return text;
}

}  // namespace

TEST_CASE("prompts get as many chunks as the longest needs, each with its begin and end, at most three") {
  log::set_level(log::Level::error);
  CHECK(tokens_of({"", "a cat"}).chunks == 1);
  CHECK(tokens_of({"", words(75)}).chunks == 1);
  CHECK(tokens_of({"", words(400)}).chunks == 3);
  const PromptTokens tokens = tokens_of({"a dog", words(70) + "(red:1.5) " + words(20)});
  REQUIRE(tokens.chunks == 2);
  REQUIRE(tokens.ids.size() == 2 * 2 * 77);
  REQUIRE(tokens.weights.size() == 2 * 2 * 77);
  for (size_t chunk = 0; chunk < 4; ++chunk) {
    CHECK(tokens.ids[chunk * 77] == ClipTokenizer::bos_id);
    CHECK(tokens.ids[chunk * 77 + 76] == ClipTokenizer::eos_id);
  }
  // The 71st token of the second prompt; nothing else has a weight.
  CHECK(tokens.weights[2 * 77 + 71] == 1.5f);
  CHECK(std::accumulate(tokens.weights.begin(), tokens.weights.end(), 0.0f) == 4 * 77 + 0.5f);
}

TEST_CASE("states are multiplied by their token's weight and keep their mean") {
  PromptTokens tokens = tokens_of({"a", "a (red:2) cat"});
  REQUIRE(tokens.weights[77 + 2] == 2);
  std::vector<float> states(2 * 77 * 2);
  for (size_t i = 0; i < states.size(); ++i) states[i] = static_cast<float>(i % 7) - 2;
  const ConditionSpec context{.name = "context", .shape = {77, 2}, .per_token = true};
  const std::vector<float> first = weighted_condition(tokens, {&context, 1}, {states}, 0)[0],
                           second = weighted_condition(tokens, {&context, 1}, {states}, 1)[0];
  CHECK(first == std::vector<float>(states.begin(), states.begin() + 154));  // no weight: to the bit

  std::vector<double> expected(states.begin() + 154, states.end());
  const double before = std::accumulate(expected.begin(), expected.end(), 0.0);
  expected[4] *= 2;  // the second token's two numbers
  expected[5] *= 2;
  const double after = std::accumulate(expected.begin(), expected.end(), 0.0);
  REQUIRE(before != after);
  for (size_t i = 0; i < expected.size(); ++i)
    CHECK(second[i] == doctest::Approx(expected[i] * before / after).epsilon(1e-6));
}

TEST_CASE("a weight that is no number is refused") { CHECK_THROWS_AS(tokens_of({"", "a (cat:1.2.3)"}), Error); }
