// The facts that belong to one folder alone: their words may not stand in the folders that must not know them.
#include <doctest/doctest.h>

#include <cctype>

#include "layering/source_files.h"

namespace {

struct ForbiddenWords {
  std::vector<std::string> words;   ///< whole words; with `*` at the end also beginnings of words; case counts
  std::vector<std::string> where;   ///< paths that may not have them: "src/graph/"
  std::vector<std::string> except;  ///< paths below those that may
  std::string why;                  ///< where the words belong
  bool in_comments = true;          ///< false: only code is searched
};

const std::vector<ForbiddenWords> table = {
    // The graph says what is computed; a device says how, and how fast.
    {{"AVX*", "AMX*", "SSE*", "NEON", "CUDA*", "cuda*", "cpuid*", "Winograd*", "winograd*"},
     {"src/graph/", "src/models/", "src/network/", "src/diffusion/", "src/optim/", "src/data/"},
     {},
     "instruction sets and devices belong to src/backend/"},
    {{"oneDNN*", "onednn*", "dnnl*", "Highway", "hwy*"},
     {"src/"},
     {"src/backend/", "src/cli/bench.cpp"},
     "libraries of kernels belong to the backend that uses them"},
    // A family of models says how its parts, latents and captions are laid out; everything else asks it.
    {{"0.18215*", "lora_unet*", "lora_te*", "sd_v1*", "sd_v2*", "stable-diffusion-v*"},
     {"src/"},
     {"src/models/sd1.cpp", "src/models/sd2.cpp", "src/models/sdxl.cpp", "src/models/stable_diffusion.h",
      "src/models/checkpoint/file_kind.cpp", "src/network/adapter_file.cpp"},
     "the names and numbers of a family stand in its file in src/models/; ask its Family",
     /*in_comments=*/false},
    {{"sd1*", "Sd1*", "sd2*", "sdxl*", "SDXL", "clip_text*", "ClipTextConfig", "UNetConfig", "VaeConfig"},
     {"src/step/", "src/run/", "src/watch/", "src/sample/", "src/measure/", "src/network/", "src/data/"},
     {},
     "families are named in src/models/ alone; ask the Model or its Family",
     /*in_comments=*/false},
    {{"77", "75"},
     {"src/step/", "src/sample/", "src/run/", "src/watch/", "src/measure/"},
     {},
     "the length of a prompt belongs to the tokenizer and the Family",
     /*in_comments=*/false},
    // An adapter says what its tensors are; everything above loops over them.
    {{"Lora*", "lora*"},
     {"src/step/", "src/run/", "src/watch/", "src/measure/"},
     {},
     "a kind of adapter stands in src/network/ alone; ask its AdapterKind",
     /*in_comments=*/false},
    {{"lora_down*", "lora_up*"},
     {"src/"},
     {"src/network/lora.cpp", "src/models/checkpoint/file_kind.cpp", "src/models/checkpoint/synthetic.cpp"},
     "the tensors of a LoRA stand in src/network/lora.cpp alone; loop over AdapterKind::tensors",
     /*in_comments=*/false},
};

bool is_of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool contains_word(const std::string& text, std::string word) {
  const bool is_beginning = word.ends_with('*');
  if (is_beginning) word.pop_back();
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_of_word(text[at - 1]);
    if (begins && (is_beginning || end == text.size() || !is_of_word(text[end]))) return true;
  }
  return false;
}

/// The first of the words in the text; nullptr when there is none.
const std::string* word_in(const std::string& text, const ForbiddenWords& forbidden) {
  for (const std::string& word : forbidden.words)
    if (contains_word(text, word)) return &word;
  return nullptr;
}

/// Numbers of the lines that have one of the words, from 1.
std::vector<size_t> lines_with(const ForbiddenWords& forbidden, const SourceFile& file) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < file.lines.size(); ++i)
    if (word_in(forbidden.in_comments ? file.lines[i] : without_comment(file.lines[i]), forbidden))
      numbers.push_back(i + 1);
  return numbers;
}

}  // namespace

TEST_CASE("words that belong to one folder do not stand in those that must not know them") {
  const std::vector<SourceFile> files = source_files({"src"});
  REQUIRE(files.size() > 10);
  for (const ForbiddenWords& forbidden : table)
    for (const SourceFile& file : files) {
      if (!is_below(file.path, forbidden.where) || is_below(file.path, forbidden.except)) continue;
      for (const size_t line : lines_with(forbidden, file))
        CHECK_MESSAGE(false, file.path, ":", line, ": ", file.lines[line - 1], "\n", forbidden.why);
    }
}

TEST_CASE("every exception from a forbidden word is still needed") {
  const std::vector<SourceFile> files = source_files({"src"});
  for (const ForbiddenWords& forbidden : table)
    for (const std::string& path : forbidden.except) {
      bool needed = false;
      for (const SourceFile& file : files)
        if (file.path.starts_with(path)) needed |= !lines_with(forbidden, file).empty();
      CHECK_MESSAGE(needed, path, " has none of these words any more (", forbidden.words[0], " ...): take it off");
    }
}

TEST_CASE("words are found whole or by their beginning, and comments are told apart from strings") {
  CHECK(contains_word("the AVX512 kernels", "AVX*"));
  CHECK(!contains_word("the AVX512 kernels", "AVX"));
  CHECK(!contains_word("a NEONATE, MY_NEON", "NEON"));
  CHECK(contains_word("(77)", "77"));
  CHECK(!contains_word("0.775 and 177", "77"));
  CHECK(without_comment("int x;  // AVX") == "int x;  ");
  CHECK(without_comment("open(\"http://a\\\"//b\");  // c") == "open(\"http://a\\\"//b\");  ");
  CHECK(without_comment("plain") == "plain");
}
