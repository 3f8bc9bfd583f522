// Prompts, states and metrics that are wrong on purpose.
#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "io/safetensors.h"
#include "run/state/state_checksum.h"
#include "run/state/state_file.h"
#include "sample/sample_prompts.h"
#include "support/hostile.h"
#include "support/training_run.h"
#include "watch/metrics_table.h"

using namespace rankine;
using namespace rankine::test;
using namespace std::string_literals;

namespace {

const std::vector<HostileFile> prompt_lines = {
    {"nothing", "", "there is no prompt in it"},
    {"blanks", " \r\n\t\r\n", "there is no prompt in it"},
    {"comments", "# a cat\n#a dog\n", "there is no prompt in it"},
    {"UTF-16",
     "\xff\xfe"
     "a\0"s,
     "is UTF-16"},
    {"a zero byte", "a cat\0\n"s, "zero byte"},
    {"Latin-1", "caf\xe9\n", "not UTF-8"},
    {"a picture", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s, "zero byte"},
    {"seventeen megabytes", std::string(17 << 20, 'a'), "is it the right one?"},
    {"an unknown option", "a cat --x 3\n", ":1: unknown option \"--x\""},
    {"an option of a megabyte", "a cat --" + std::string(1 << 20, 'x') + " 3\n", ":1: unknown option \"--xxxx"},
    {"an option without a name", "a cat -- 3\n", ":1: unknown option \"--3\""},
    {"an option without a value", "\na cat --w\n", ":2: --w needs a value"},
    {"a width in words", "a cat --w wide\n", "--w must be a whole number"},
    {"a width with a point", "a cat --w 512.0\n", "--w must be a whole number"},
    {"a negative width", "a cat --w -512\n", "--w must be a whole number"},
    {"a width that no memory holds", "a cat --w 2000000000\n", "--w must be at most 16384 pixels, got 2000000000"},
    {"a height beyond 32 bits", "a cat --h 4294967808\n", "--h must be a whole number"},
    {"a seed beyond 63 bits", "a cat --d 9223372036854775808\n", "--d must be a whole number"},
    {"infinite steps", "a cat --s inf\n", "--s must be a whole number"},
    {"infinite guidance", "a cat --l inf\n", "--l must be a number from 0 on, got \"inf\""},
    {"guidance that is not a number", "a cat --l nan\n", "--l must be a number"},
    {"guidance that is too large", "a cat --l 1e999\n", "--l must be a number"},
    {"hexadecimal guidance", "a cat --l 0x1p3\n", "--l must be a number"},
    {"guidance of a megabyte", "a cat --l " + std::string(1 << 20, '9') + "x\n", "--l must be a number"},
    {"an unknown sampler", "a cat --ss magic\n", ":1: --ss: sampler: \"magic\" is unknown"},
    {"a sampler of a megabyte", "a cat --ss " + std::string(1 << 20, 'x') + "\n", ":1: --ss: sampler: \"xxx"},
    {"ControlNet", "a cat --cn map.png\n", "--cn (ControlNet) is not supported"},
};

const std::vector<HostileFile> prompt_tables = {
    {"nothing", "", "are missing"},
    {"no table", "prompt = \"a\"", "are missing"},
    {"no subsets", "[prompt]\nprompt = \"a\"", "are missing"},
    {"subset is a table", "[prompt.subset]\nprompt = \"a\"", "are missing"},
    {"subset is a list of texts", "[prompt]\nsubset = [\"a\"]", "are missing"},
    {"an empty list of subsets", "[prompt]\nsubset = []", "are missing"},
    {"prompt is a list", "[[prompt]]\n", "are missing"},
    {"no TOML", "a cat\n", ":1: this is not valid TOML"},
    {"a key twice", "[prompt]\n[[prompt.subset]]\nprompt = \"a\"\nprompt = \"b\"\n", ":4: this is not valid TOML"},
    {"UTF-16", "\xff\xfe[\0"s, "is UTF-16"},
    {"a hundred thousand dots", "[" + repeated("a.", 100'000) + "a]", "too deep"},
    {"an unknown key", "[prompt]\n[[prompt.subset]]\nwidht = 3", ":3: unknown key \"widht\""},
    {"a key of a megabyte", "[prompt]\n" + std::string(1 << 20, 'k') + " = 3\n[[prompt.subset]]\n",
     ":2: unknown key \"kkk"},
    {"a key of a megabyte before a list", "[prompt]\n" + std::string(1 << 20, 'k') + " = []\n[[prompt.subset]]\n",
     "must be a text or a number"},
    {"a list", "[prompt]\n[[prompt.subset]]\nprompt = [\"a\"]", ":3: prompt must be a text or a number"},
    {"a bool", "[prompt]\n[[prompt.subset]]\nseed = true", ":3: seed must be a text or a number"},
    {"a date", "[prompt]\n[[prompt.subset]]\nseed = 2026-01-01", ":3: seed must be a text or a number"},
    {"a fraction of pixels", "[prompt]\nwidth = 512.5\n[[prompt.subset]]\n", ":2: width must be a whole number"},
    {"infinite guidance", "[prompt]\nscale = inf\n[[prompt.subset]]\n", ":2: scale must be a number"},
    {"a negative seed", "[prompt]\n[[prompt.subset]]\nseed = -1", "seed must be a whole number"},
};

const std::vector<HostileFile> prompt_json = {
    {"nothing", "", "this is not valid JSON"},
    {"cut short", "[\"a\"", "this is not valid JSON"},
    {"an object", R"({"prompt": "a"})", "must hold an array"},
    {"null", "null", "must hold an array"},
    {"an empty list", "[]", "there is no prompt in it"},
    {"a number that is too large", "[1e999]", "this is not valid JSON"},
    {"guidance that is too large", R"([{"prompt": "a", "scale": 1e999}])", "this is not valid JSON"},
    {"a list in the list", "[[\"a\"]]", "prompt 1 must be a table or a text"},
    {"a number in the list", "[\"a\", 3]", "prompt 2 must be a table or a text"},
    {"null in the list", "[null]", "prompt 1 must be a table or a text"},
    {"a million lists", std::string(1'000'000, '['), "too deep"},
    {"two hundred thousand objects", "[" + repeated("{\"a\":", 200'000), "too deep"},
    {"a list for a prompt", R"([{"prompt": ["a"]}])", "prompt 1: prompt must be a text or a number"},
    {"true for a seed", R"([{"seed": true}])", "prompt 1: seed must be a text or a number"},
    {"a fraction of a seed", R"([{"seed": 1.5}])", "prompt 1: seed must be a whole number"},
    {"an unknown key", R"([{"sed": 1}])", "prompt 1: unknown key \"sed\""},
    {"a key of a megabyte", "[{\"" + std::string(1 << 20, 'k') + "\": 1}]", "prompt 1: unknown key \"kkk"},
    {"a key of a megabyte before a list", "[{\"" + std::string(1 << 20, 'k') + "\": []}]",
     "must be a text or a number"},
    {"a text of a megabyte for a number", "[{\"width\": \"" + std::string(1 << 20, '9') + "\"}]",
     "prompt 1: width must be a whole number"},
    {"Latin-1", "[\"caf\xe9\"]", "not UTF-8"},
};

TrainingState small_state() {
  TrainingState state;
  state.position = {.step = 7, .updates = 6, .losses = {0.5f, 0.25f}};
  state.seed = 3;
  state.settings = {{"learning_rate", "0.001"}};
  state.variables = {{"lora_unet_a.lora_down.weight", {1, 2, 3}}};
  return state;
}

std::string safetensors(const std::vector<TensorToWrite>& tensors, const std::map<std::string, std::string>& metadata) {
  const std::vector<std::byte> bytes = serialize_safetensors(tensors, metadata);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("each of sixty hostile prompt files is an error that names the file and what is wrong") {
  CHECK(prompt_lines.size() + prompt_tables.size() + prompt_json.size() >= 65);
  const TemporaryFolder folder;
  for (const auto& [files, name] :
       {std::pair{&prompt_lines, "p.txt"}, {&prompt_tables, "p.toml"}, {&prompt_json, "p.json"}}) {
    const std::string path = folder.path(name);
    check_refused(*files, path, [&] { read_sample_prompts(path); });
  }
}

TEST_CASE("prompt files cut at any byte, or with any byte changed, are read or refused") {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> files[] = {
      {"p.txt", "a (cat:1.2) --n blurry --w 64 --h 128 --d 3 --l 7.5 --s 4 --ss euler_a\n"},
      {"p.toml", "[prompt]\nwidth = 64\n[[prompt.subset]]\nprompt = \"a\"\nscale = 7.5\nseed = 3\n"},
      {"p.json", R"([{"prompt": "a", "scale": 7.5, "seed": 3, "negative_prompt": null}, "b --w 64"])"}};
  for (const auto& [name, good] : files) {
    const std::string path = folder.path(name);
    check_cut_and_changed(good, path, [&] { read_sample_prompts(path); });
  }
}

TEST_CASE(
    "each hostile state file is an error that names the file, whatever it holds, and also where its checksum fits") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.state");
  const float one = 1;
  const auto bytes = std::as_bytes(std::span(&one, 1));
  const std::vector<TensorToWrite> losses = {{"recent_losses", DType::f32, {1}, bytes}};
  using Metadata = std::map<std::string, std::string>;
  const Metadata format = {{"format", "rankine training state 1"}};
  const auto with = [&](Metadata more) {
    more.insert(format.begin(), format.end());
    return safetensors(losses, more);
  };
  std::vector<HostileFile> files = {
      {"nothing", "", "too few"},
      {"a byte", "x", "too few"},
      {"text", "step 7\nupdates 6\n", "not a safetensors file"},
      {"zeros, as after a crash", std::string(4096, '\0'), "length is 0"},
      {"a pickle of PyTorch's", "PK\3\4" + std::string(100, '\0'), "safetensors"},
      {"a LoRA", safetensors(losses, {{"ss_network_dim", "4"}}), "this is no training state"},
      {"no metadata", safetensors(losses, {}), "this is no training state"},
      {"another version", safetensors(losses, {{"format", "rankine training state 3"}}), "this is no training state"},
      {"no checksum", with({{"step", "1"}, {"updates", "1"}, {"seed", "1"}}), "checksum"},
      {"an empty checksum", with({{"sha256", ""}}), "checksum"},
      {"a checksum of another file", with({{"sha256", std::string(64, '0')}}), "checksum"},
      {"a checksum of a megabyte", with({{"sha256", std::string(1 << 20, '0')}}), "checksum"},
  };
  check_refused(files, path, [&] { read_state(path); });

  Metadata long_step = {{"format", "rankine training state 1"}, {"step", std::string(1 << 20, 'x')}};
  folder.text("a.state", safetensors(losses, long_step));
  long_step["sha256"] = state_checksum(SafetensorsFile::open(path));
  check_refused({{"a step of a megabyte", safetensors(losses, long_step), "\"step\" is no number: xxx"}}, path,
                [&] { read_state(path); });

  // States whose checksum fits, as a program would write them that has its own idea of a state.
  write_state(path, small_state());
  const SafetensorsFile file = SafetensorsFile::open(path);
  REQUIRE(read_state(path).position.step == 7);
  TrainingState odd = small_state();
  odd.position.step = -1;
  write_state(path, odd);
  CHECK(contains(error_of([&] { read_state(path); }), path + ": the step is below 0"));
  odd = small_state();
  for (const auto& [scale, fault] :
       {std::pair{3.0, "the loss scale is no power of two"}, {0x1p128, "the loss scale is more than f32 holds"}}) {
    odd.position.loss_scale.scale = scale;
    write_state(path, odd);
    CHECK(contains(error_of([&] { read_state(path); }), path + ": " + fault));
  }
  odd = small_state();
  odd.variables.clear();
  odd.position.losses.clear();
  odd.settings.clear();
  write_state(path, odd);
  CHECK(read_state(path).variables.empty());
}

TEST_CASE("a state file cut at any byte, or with a bit of any byte flipped, is refused") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.state");
  write_state(path, small_state());
  const std::string whole = bytes_of(path);
  const auto is_refused = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return contains(error_of([&] { read_state(path); }), path);
  };
  CHECK_FALSE(is_refused(whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(is_refused(whole.substr(0, size)));
  }
  // A blank that pads the header may be another white space: JSON reads the same from it.
  const size_t header_end = 8 + static_cast<unsigned char>(whole[0]) + 256 * static_cast<unsigned char>(whole[1]);
  const size_t padding = whole.find_last_of('}', header_end - 1) + 1;
  for (size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    if (at >= padding && at < header_end) continue;
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
    CHECK(is_refused(changed));
  }
}

TEST_CASE("hostile lines of metrics are left out, and no small file asks for much memory") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  const std::string good = "{\"step\": 1, \"loss\": 0.5}\n";
  const std::string path = folder.path("m.jsonl");
  const std::vector<std::string> lines = {
      "",
      "[]",
      "3",
      "null",
      "{}",
      "{\"step\": 1",
      "{\"step\": \"1\", \"loss\": 1}",
      "{\"step\": 1.5, \"loss\": 1}",
      "{\"step\": 1e300, \"loss\": 1}",
      "{\"step\": null, \"loss\": 1}",
      "\xff\xfe",
      std::string("\0", 1),
      std::string(1'000'000, '['),
      "{\"step\": 9, \"loss\": 1, \"a\": " + repeated("{\"a\": ", 200'000),
      "{\"step\": 9, \"loss\": 1, \"a\": " + repeated("{\"a\": ", 200'000) + "1" + std::string(200'001, '}')};
  for (const std::string& line : lines) {
    CAPTURE(line.substr(0, 100));
    const MetricsTable table = read_metrics(folder.text("m.jsonl", good + line + "\n"));
    CHECK(table.steps == std::vector<int64_t>{1});
  }
  std::string columns;  // a megabyte that asks for as many columns as rows
  for (int i = 0; i < 20'000; ++i) columns += concat_text("{\"step\": ", i, ", \"loss\": 1, \"c", i, "\": 1}\n");
  check_refused({{"as many columns as rows", columns, "more than any run writes"}}, path, [&] { read_metrics(path); });
}
