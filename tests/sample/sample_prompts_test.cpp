#include "sample/sample_prompts.h"

#include <doctest/doctest.h>

#include "support/training_run.h"

using namespace rankine;
using test::contains;
using test::TemporaryFolder;

namespace {

std::string error_of(const std::string& path) {
  return test::error_of([&] { read_sample_prompts(path); });
}

}  // namespace

TEST_CASE("a prompt line takes the options of sd-scripts, in any order and case") {
  const SamplePrompt p = parse_prompt_line(
      "a (red:1.2) cat, sitting --n blurry, dark --W 770 --h 512 --d 42 --l 6.5 --s 20 --ss euler_a", "x");
  CHECK(p.prompt == "a (red:1.2) cat, sitting");
  CHECK(p.negative_prompt == "blurry, dark");
  CHECK(p.width == 768);  // rounded down to a multiple of 8
  CHECK(p.height == 512);
  CHECK(p.seed == 42);
  CHECK(p.scale == 6.5);
  CHECK(p.sample_steps == 20);
  CHECK(p.sample_sampler == "euler_a");

  const SamplePrompt plain = parse_prompt_line("a well-lit cat-", "x");
  CHECK(plain.prompt == "a well-lit cat-");
  CHECK(!plain.negative_prompt);
  CHECK(!plain.seed);
  CHECK(parse_prompt_line("a --w 8 --s 0 --g 3.5", "x").width == 64);
  CHECK(parse_prompt_line("a --s 5000", "x").sample_steps == 1000);
}

TEST_CASE("a wrong option is said with its line") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& line) {
    return error_of(folder.text("p.txt", "# first line\n\na cat --w 64\n" + line + "\n"));
  };
  CHECK(contains(error("a dog --q 3"), "p.txt:4: unknown option \"--q\"; there are --n, --w, --h"));
  CHECK(contains(error("a dog --w wide"), "p.txt:4: --w must be a whole number from 0 on, got \"wide\""));
  CHECK(contains(error("a dog --l 7,5"), "p.txt:4: --l must be a number"));
  CHECK(contains(error("a dog --n"), "p.txt:4: --n needs a value"));
  CHECK(contains(error("a dog --ss unipc"), "p.txt:4: --ss: sampler: \"unipc\" is unknown; there are ddim"));
  CHECK(contains(error("a dog --cn map.png"), "p.txt:4: --cn (ControlNet) is not supported"));
  CHECK(error("a dog") == "");
}

TEST_CASE(
    "a text file has a prompt a line; comments, empty lines, Windows line ends and a byte order mark are left out") {
  const TemporaryFolder folder;
  const auto prompts = read_sample_prompts(folder.text(
      "p.txt", "\xEF\xBB\xBF# made by hand\r\n\r\n  a cat --w 128  \r\na dog # not a comment\r\n#a bird\r\nend"));
  REQUIRE(prompts.size() == 3);
  CHECK(prompts[0].prompt == "a cat");
  CHECK(prompts[0].width == 128);
  CHECK(prompts[0].where == folder.path("p.txt") + ":3");
  CHECK(prompts[1].prompt == "a dog # not a comment");
  CHECK(prompts[2].prompt == "end");
}

TEST_CASE("in TOML the subsets' keys go before those of the table") {
  const TemporaryFolder folder;
  const auto prompts = read_sample_prompts(folder.text("p.toml", R"([prompt]
negative_prompt = "blurry"
width = 256
scale = 7

[[prompt.subset]]
prompt = "a cat"
seed = 3

[[prompt.subset]]
prompt = "a dog"
width = 128
scale = 5.5
sample_sampler = "lms"
)"));
  REQUIRE(prompts.size() == 2);
  CHECK(prompts[0].prompt == "a cat");
  CHECK(prompts[0].negative_prompt == "blurry");
  CHECK(prompts[0].width == 256);
  CHECK(prompts[0].scale == 7);
  CHECK(prompts[0].seed == 3);
  CHECK(prompts[1].width == 128);
  CHECK(prompts[1].scale == 5.5);
  CHECK(prompts[1].sample_sampler == "lms");
  CHECK(contains(error_of(folder.text("q.toml", "[prompt]\n[[prompt.subset]]\nprompt = \"a\"\nsize = 4\n")),
                 "q.toml:4: unknown key \"size\"; there are prompt, negative_prompt"));
  CHECK(contains(error_of(folder.text("r.toml", "[prompt]\n[[prompt.subset]]\nprompt = a\n")), "r.toml:3: "));
  CHECK(contains(error_of(folder.text("s.toml", "prompt = \"a\"\n")), "[[prompt.subset]]"));
}

TEST_CASE("JSON holds tables or lines") {
  const TemporaryFolder folder;
  const auto prompts = read_sample_prompts(folder.text(
      "p.json", R"([{"prompt": "a cat", "seed": 1, "scale": 4.5, "negative_prompt": null}, "a dog --h 96"])"));
  REQUIRE(prompts.size() == 2);
  CHECK(prompts[0].prompt == "a cat");
  CHECK(prompts[0].scale == 4.5);
  CHECK(!prompts[0].negative_prompt);
  CHECK(prompts[1].prompt == "a dog");
  CHECK(prompts[1].height == 96);
  CHECK(contains(error_of(folder.text("q.json", R"(["a", {"prompt": "b", "seed": "x"}])")),
                 "q.json: prompt 2: seed must be a whole number"));
  CHECK(contains(error_of(folder.text("r.json", "[\"a\",")), "r.json: "));
  CHECK(contains(error_of(folder.text("s.json", "{}")), "must hold an array"));
}

TEST_CASE("a file that is missing, empty or of another kind is refused") {
  const TemporaryFolder folder;
  CHECK(contains(error_of(folder.path("no.txt")), "cannot open"));
  CHECK(contains(error_of(folder.text("empty.txt", "# nothing\n")), "there is no prompt in it"));
  CHECK(contains(error_of(folder.text("p.yaml", "a")), "prompts must be in a .txt, .toml or .json file"));
}
