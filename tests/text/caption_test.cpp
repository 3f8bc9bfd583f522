#include "text/caption.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;

namespace {

using json = nlohmann::ordered_json;

// The setting of that name takes the recorded value; false where there is none.
bool apply(CaptionSettings& s, const std::string& name, const json& value) {
  const std::map<std::string, std::string*> texts = {{"caption_prefix", &s.prefix},
                                                     {"caption_suffix", &s.suffix},
                                                     {"caption_separator", &s.separator},
                                                     {"secondary_separator", &s.secondary_separator},
                                                     {"keep_tokens_separator", &s.keep_tokens_separator}};
  const std::map<std::string, int*> counts = {{"keep_tokens", &s.keep_tokens},
                                              {"caption_dropout_every_n_epochs", &s.dropout_every_n_epochs},
                                              {"token_warmup_min", &s.token_warmup_min}};
  const std::map<std::string, double*> numbers = {{"caption_dropout_rate", &s.dropout_rate},
                                                  {"caption_tag_dropout_rate", &s.tag_dropout_rate},
                                                  {"token_warmup_step", &s.token_warmup_step}};
  const std::map<std::string, bool*> flags = {{"shuffle_caption", &s.shuffle}, {"enable_wildcard", &s.enable_wildcard}};
  if (const auto found = texts.find(name); found != texts.end()) return value.get_to(*found->second), true;
  if (const auto found = counts.find(name); found != counts.end()) return value.get_to(*found->second), true;
  if (const auto found = numbers.find(name); found != numbers.end()) return value.get_to(*found->second), true;
  if (const auto found = flags.find(name); found != flags.end()) return value.get_to(*found->second), true;
  return false;
}

std::string draw(std::string_view caption, const CaptionSettings& settings, uint64_t sample = 0,
                 const CaptionContext& context = {}) {
  Rng rng(1, purpose::captions, sample);
  return process_caption(caption, settings, context, rng);
}

std::vector<std::string> tags_of(const std::string& caption) {
  std::vector<std::string> tags;
  std::istringstream in(caption);
  for (std::string tag; std::getline(in >> std::ws, tag, ',');) tags.push_back(tag);
  return tags;
}

}  // namespace

TEST_CASE("captions are processed as recorded") {
  const json cases = golden::read_reference_json("captions.json");
  int number = 0;
  for (const json& c : cases) {
    const std::string name = concat_text("captions.", number++);
    CaptionSettings settings;
    std::string unknown;
    for (const auto& [key, value] : c.at("settings").items())
      if (!apply(settings, key, value)) unknown = key;
    if (!unknown.empty()) {
      golden::skipped(name, unknown);
      continue;
    }
    const bool splits = settings.shuffle || settings.token_warmup_step > 0 || settings.tag_dropout_rate > 0;
    if (splits && settings.separator != ",") {
      golden::skipped(name, "joined as before sd-scripts 2390");
      continue;
    }
    golden::ran(name);
    const std::string caption = c.at("caption");
    const CaptionContext context = {
        .step = c.at("current_step"), .epoch = c.at("current_epoch"), .max_train_steps = c.at("max_train_steps")};
    CAPTURE(name);
    CAPTURE(caption);
    CHECK(draw(caption, settings, 0, context) == c.at("result").get<std::string>());
  }
}

TEST_CASE("shuffling keeps the kept tags in front and is a permutation of the others") {
  const CaptionSettings settings = {.keep_tokens = 2, .shuffle = true};
  const std::vector<std::string> original = {"a", "b", "c", "d", "e", "f"};
  std::set<std::string> seen;
  for (uint64_t sample = 0; sample < 200; ++sample) {
    const std::string caption = draw("a, b, c ,d,e,  f", settings, sample);
    seen.insert(caption);
    std::vector<std::string> tags = tags_of(caption);
    CHECK(tags.size() == original.size());
    CHECK(tags[0] == "a");
    CHECK(tags[1] == "b");
    std::ranges::sort(tags);
    CHECK(tags == original);
  }
  CHECK(seen.size() == 24);  // every order of four turns up in 200 draws
}

TEST_CASE("the parts around keep_tokens_separator stay where they are") {
  const CaptionSettings settings = {.keep_tokens_separator = "|||", .shuffle = true, .tag_dropout_rate = 0.5};
  for (uint64_t sample = 0; sample < 50; ++sample) {
    const std::string caption = draw("x, y ||| a, b, c ||| z", settings, sample);
    CHECK(caption.starts_with("x, y, "));
    CHECK(caption.ends_with(", z"));
  }
}

TEST_CASE("what is drawn depends on the generator alone") {
  const CaptionSettings settings = {
      .shuffle = true, .dropout_rate = 0.3, .tag_dropout_rate = 0.3, .enable_wildcard = true};
  const std::string caption = "{a|b|c}, d, e, f\n{g|h}, i, j";
  std::set<std::string> seen;
  for (uint64_t sample = 0; sample < 50; ++sample) {
    CHECK(draw(caption, settings, sample) == draw(caption, settings, sample));
    seen.insert(draw(caption, settings, sample));
  }
  CHECK(seen.size() > 10);
}

TEST_CASE("captions and tags are dropped at their rates") {
  constexpr int draws = 20000;
  int empty = 0, tags = 0;
  for (uint64_t sample = 0; sample < draws; ++sample) {
    empty += draw("a, b", {.dropout_rate = 0.1}, sample).empty();
    tags +=
        static_cast<int>(tags_of(draw("k, b, c, d, e", {.keep_tokens = 1, .tag_dropout_rate = 0.25}, sample)).size());
  }
  // Four standard deviations of the binomial distribution.
  CHECK(std::abs(empty - 0.1 * draws) < 4 * std::sqrt(draws * 0.1 * 0.9));
  CHECK(std::abs(tags - (1 + 4 * 0.75) * draws) < 4 * std::sqrt(4 * draws * 0.25 * 0.75));
  CHECK(draw("a, b", {.dropout_rate = 1}).empty());
  CHECK(draw("k, b, c", {.keep_tokens = 1, .tag_dropout_rate = 1}) == "k");
}

TEST_CASE("wildcards choose one line and one alternative, each equally often") {
  std::map<std::string, int> count;
  for (uint64_t sample = 0; sample < 4000; ++sample)
    ++count[draw("{red|blue} cat\n{{old}} dog", {.enable_wildcard = true}, sample)];
  CHECK(count.size() == 3);
  CHECK(std::abs(count["{old} dog"] - 2000) < 130);
  CHECK(std::abs(count["red cat"] - 1000) < 110);
  CHECK(std::abs(count["blue cat"] - 1000) < 110);
  CHECK(draw("a {b c} {} {d", {.enable_wildcard = true}) == "a b c {} {d");
  CHECK(draw("{a}} {b}", {.enable_wildcard = true}) == "a} {b");
}

TEST_CASE("tags are stripped of any white space, and an empty separator is an error") {
  CHECK(draw("\u3000a\u00a0,\tb ", {.token_warmup_step = 1}, 0, {.step = 5}) == "a, b");
  CHECK(draw("", {.shuffle = true}).empty());
  CHECK_THROWS_AS(draw("a", {.separator = ""}), Error);
}

namespace {

/// A caption, settings without chance, and the caption that sd-scripts makes of it (its version of June 2026).
struct FixedCase {
  std::string caption;
  CaptionSettings settings;
  std::string result;
};

std::vector<FixedCase> fixed_cases() {
  // A warm-up that is over splits and joins the tags without another change.
  const auto with = [](CaptionSettings s) {
    s.token_warmup_step = 1;
    return s;
  };
  return {
      // Without shuffling, warm-up and dropout of tags, nothing is split.
      {" a ,b;; c ", {.separator = ";"}, " a ,b;; c "},
      {"a ||| b", {.keep_tokens = 1, .keep_tokens_separator = "|||"}, "a ||| b"},
      {"a;;;b ;c", {.separator = "|", .secondary_separator = ";;;"}, "a|b ;c"},
      {"a\nb", {.prefix = "p", .suffix = "s"}, "p a"},
      {"", {.prefix = "p", .suffix = "s"}, "p  s"},
      // Tags are joined by the separator and a space, whatever stood between them.
      {"one. two .three", with({.separator = "."}), "one. two. three"},
      {"a;b ; c", with({.separator = ";"}), "a; b; c"},
      {"a , b,c", with({.separator = ";"}), "a , b,c"},
      {"a | b |c", with({.separator = " | "}), "a |  b |c"},
      {"a b  c", with({.separator = " "}), "a  b    c"},
      {"a、b、c", with({.separator = "、"}), "a、 b、 c"},
      {"a, b,c", with({.separator = ", "}), "a,  b,c"},
      {"a--b---c", with({.separator = "--"}), "a-- b-- -c"},
      // Empty tags stay, unless a mark of kept tags is there.
      {"a,, b ,", with({}), "a, , b, "},
      {"a,,|||, b ,", with({.keep_tokens_separator = "|||"}), "a, b"},
      {"|||", with({.keep_tokens_separator = "|||"}), ""},
      {"a ||| b, c ||| d ||| e", with({.keep_tokens_separator = "|||"}), "a, b, c, d ||| e"},
      {"a; b ||| c ;d", with({.separator = ";", .keep_tokens_separator = "|||"}), "a; b; c; d"},
      // More kept tags than there are; a mark overrides their number.
      {"a, b", with({.keep_tokens = 9}), "a, b"},
      {"a, b", with({.keep_tokens = -1}), "a, b"},
      {"a, b ||| c", with({.keep_tokens = 1, .keep_tokens_separator = "|||"}), "a, b, c"},
      // Chance 1 drops all tags that are not kept.
      {"a; b; c", {.separator = ";", .keep_tokens = 2, .tag_dropout_rate = 1}, "a; b"},
      {"a ||| b ||| c", {.keep_tokens_separator = "|||", .tag_dropout_rate = 1}, "a, c"},
      {"a, b", {.tag_dropout_rate = 1}, ""},
      // The secondary separator becomes the separator without a space, in what is left.
      {"a;;;b, c", with({.secondary_separator = ";;;"}), "a,b, c"},
      {"a/b; c", with({.separator = ";", .secondary_separator = "/"}), "a;b; c"},
      {"a/b; c", {.separator = ";", .secondary_separator = "/", .keep_tokens = 1, .tag_dropout_rate = 1}, "a;b"},
      {"a;;;b ||| c", with({.secondary_separator = ";;;", .keep_tokens_separator = "|||"}), "a,b, c"},
      // Prefix and suffix belong to the first and the last tag.
      {"a, b", with({.prefix = "p", .suffix = "s"}), "p a, b s"},
      {"a; b", {.prefix = "p,", .suffix = "; s", .separator = ";", .keep_tokens = 1, .tag_dropout_rate = 1}, "p, a"},
      // Wildcards of one alternative; double braces are braces.
      {"{a}, {{b}}, {}, {c", with({.enable_wildcard = true}), "a, {b}, {}, {c"},
      {"{a; b}; c", with({.separator = ";", .enable_wildcard = true}), "a; b; c"},
      // An empty caption.
      {"a, b", {.prefix = "p", .secondary_separator = "p", .dropout_rate = 1}, ""},
      {"", with({}), ""},
      {" ", with({.keep_tokens = 1}), ""},
  };
}

}  // namespace

TEST_CASE("every separator and option that splits, joins, keeps or drops tags does as in sd-scripts") {
  for (const FixedCase& c : fixed_cases()) {
    CAPTURE(c.caption);
    CAPTURE(c.result);
    CHECK(draw(c.caption, c.settings, 0, {.step = 5, .epoch = 1, .max_train_steps = 10}) == c.result);
  }
}

TEST_CASE("shuffled tags are joined by the separator and a space") {
  for (const std::string separator : {",", ";", "|", "、", ". "}) {
    const std::string caption = "k" + separator + "a" + separator + "b" + separator + "c";
    std::set<std::string> seen;
    for (uint64_t sample = 0; sample < 60; ++sample) {
      const std::string drawn = draw(caption, {.separator = separator, .keep_tokens = 1, .shuffle = true}, sample);
      CHECK(drawn.starts_with("k" + separator + " "));
      CHECK(drawn.size() == caption.size() + 3);
      seen.insert(drawn);
    }
    CHECK(seen.size() == 6);
  }
}
