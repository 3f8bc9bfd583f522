#include "data/text_output_file.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "base/error.h"
#include "data/npz_arrays.h"
#include "data/temporary_folder.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "support/reference.h"

using namespace rankine;
using rankine::golden::reference_file;
using namespace rankine::test;

namespace {

TextOutputRecipe recipe() {
  return {.caption = "a red disk\nof glass",
          .towers = std::string(64, 'a'),
          .tokens = std::string(64, 'b'),
          .count = 5,
          .width1 = 3,
          .width2 = 4,
          .pooled = 4};
}

TextOutputs outputs() {
  TextOutputs made{
      .hidden1 = std::vector<float>(15, 0.5f), .hidden2 = std::vector<float>(20, -2), .pooled = {1, 2, 3, 4}};
  made.hidden1[7] = 3;
  return made;
}

}  // namespace

TEST_CASE("encoded captions are read as they were written, with sd-scripts' names and shapes") {
  const TemporaryFolder folder;
  const std::string path = text_output_file_path(folder.path("a.b.png"));
  CHECK(std::filesystem::path(path).filename() == "a.b_te_outputs.npz");
  write_text_output_file(path, recipe(), outputs());
  const TextOutputsRead read = read_text_output_file(path, recipe(), false);
  REQUIRE_MESSAGE(read.outputs, read.reason);
  CHECK(read.outputs->hidden1 == outputs().hidden1);
  CHECK(read.outputs->hidden2 == outputs().hidden2);
  CHECK(read.outputs->pooled == outputs().pooled);
  const NpzFile file = NpzFile::open(path);
  CHECK(file.read("hidden_state1").shape == Shape{5, 3});
  CHECK(file.read("hidden_state2").shape == Shape{5, 4});
  CHECK(file.read("pool2").shape == Shape{4});
}

TEST_CASE("encoded captions from another caption, tower, token or type are refused with the reason") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a_te_outputs.npz");
  write_text_output_file(path, recipe(), outputs());
  struct Case {
    std::function<void(TextOutputRecipe&)> change;
    const char* reason;
  };
  const Case cases[] = {
      {[](auto& r) { r.caption = "a red disk\nof clay"; }, "its caption has changed"},
      {[](auto& r) { r.towers[0] = 'c'; }, "other text encoders made it"},
      {[](auto& r) { r.tokens[0] = 'c'; }, "its caption is split into tokens differently"},
      {[](auto& r) { r.compute = DType::bf16; }, "it was computed in another type"},
      {[](auto& r) { r.count = 6; }, "\"hidden_state1\" in it is"},
      {[](auto& r) { r.width2 = 5; }, "\"hidden_state2\" in it is"},
      {[](auto& r) { r.pooled = 3; }, "\"pool2\" in it is"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.reason);
    TextOutputRecipe other = recipe();
    one.change(other);
    const TextOutputsRead read = read_text_output_file(path, other, false);
    CHECK(!read.outputs);
    CHECK(read.reason.starts_with(one.reason));
  }
}

TEST_CASE("encoded captions that are damaged, changed or another program's do not count") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a_te_outputs.npz");
  const auto reason = [&](bool trust) { return read_text_output_file(path, recipe(), trust).reason; };
  const auto with = [&](const char* name, const std::vector<float>& values, const Shape& shape) {
    write_text_output_file(path, recipe(), outputs());
    rewrite(path, name, values, shape);
  };
  with("rankine_provenance", {}, {});
  CHECK(reason(false).starts_with("it does not tell its caption"));
  CHECK(reason(true).empty());
  with("pool2", {1, 2, 3, 5}, {4});
  CHECK(reason(false) == "another program has changed it");
  with("pool2", {1, 2, 3, std::numeric_limits<float>::infinity()}, {4});
  CHECK(reason(true) == "\"pool2\" in it has values that are not finite");
  with("pool2", {}, {});
  CHECK(reason(true) == "it has no array \"pool2\"");
  write_text_output_file(path, recipe(), outputs());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  CHECK(!reason(true).empty());
  CHECK(!reason(true).starts_with(path));
  std::filesystem::remove(path);
  CHECK(!reason(true).empty());
}

TEST_CASE("sd-scripts' own file of encoded captions is read on trust") {
  const auto path = reference_file("caches/rgba_square_te_outputs.npz").string();
  const TextOutputRecipe tiny{.count = 77, .width1 = 128, .width2 = 192, .pooled = 192};
  CHECK(read_text_output_file(path, tiny, true).outputs);
  CHECK(!read_text_output_file(path, tiny, false).outputs);
}
