#include "data/text_output_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "data/cache_provenance.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "io/sha256.h"

namespace rankine {
namespace {

constexpr const char* kHidden1 = "hidden_state1";
constexpr const char* kHidden2 = "hidden_state2";
constexpr const char* kPooled = "pool2";

constexpr ProvenanceLine provenance_lines[] = {
    {"text recipe", "another version of Rankine made it"},
    {"caption", "its caption has changed"},
    {"towers", "other text encoders made it"},
    {"tokens", "its caption is split into tokens differently"},
    {"compute", "it was computed in another type"},
    {"arrays", "another program has changed it"},
};

std::string digest_of(std::string_view text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.hex();
}

std::string digest_of(const TextOutputs& outputs) {
  Sha256 hash;
  for (const auto* values : {&outputs.hidden1, &outputs.hidden2, &outputs.pooled})
    hash.update(std::as_bytes(std::span(*values)));
  return hash.hex();
}

/// One property a line. A caption may have several lines, so its digest stands for it.
std::string provenance(const TextOutputRecipe& recipe, const TextOutputs& outputs) {
  return concat_text("text recipe 1\ncaption ", digest_of(recipe.caption), "\ntowers ", recipe.towers, "\ntokens ",
                     recipe.tokens, "\ncompute ", recipe.compute, "\narrays ", digest_of(outputs), "\n");
}

std::vector<float> read_array(const NpzFile& file, const std::string& name, const Shape& shape) {
  check(file.has(name), "it has no array \"", name, "\"");
  const NpyArray array = file.read(name);
  check(array.shape == shape, "\"", name, "\" in it is ", as_text(array.shape), ", not ", as_text(shape));
  std::vector<float> values = array.as_f32();
  check(std::ranges::all_of(values, [](float x) { return std::isfinite(x); }), "\"", name,
        "\" in it has values that are not finite");
  return values;
}

/// Throws Error with the reason if the file is not valid.
TextOutputs read_outputs(const std::string& path, const TextOutputRecipe& recipe, bool trust) {
  const NpzFile file = NpzFile::open(path);
  TextOutputs outputs{.hidden1 = read_array(file, kHidden1, {recipe.count, recipe.width1}),
                      .hidden2 = read_array(file, kHidden2, {recipe.count, recipe.width2}),
                      .pooled = read_array(file, kPooled, {recipe.pooled})};
  if (trust) return outputs;
  check(file.has(kProvenance),
        "it does not tell its caption and its text encoders, as files of other programs never do");
  check_provenance(file.read(kProvenance), provenance(recipe, outputs), provenance_lines);
  return outputs;
}

}  // namespace

std::string text_output_file_path(const std::string& picture) {
  return std::filesystem::path(picture).replace_extension().string() + "_te_outputs.npz";
}

TextOutputsRead read_text_output_file(const std::string& path, const TextOutputRecipe& recipe, bool trust) {
  TextOutputsRead read;
  try {
    read.outputs = read_outputs(path, recipe, trust);
  } catch (const Error& error) {
    read.reason = error.what();
  }
  // Readers name the file themselves; the report groups files with the same fault.
  if (read.reason.starts_with(path + ": ")) read.reason.erase(0, path.size() + 2);
  return read;
}

void write_text_output_file(const std::string& path, const TextOutputRecipe& recipe, const TextOutputs& outputs) {
  const std::string recorded = provenance(recipe, outputs);
  const auto f32 = [](const char* name, const std::vector<float>& values, Shape shape) {
    return NpyToWrite{name, DType::f32, std::move(shape), std::as_bytes(std::span(values))};
  };
  const std::vector<NpyToWrite> arrays = {f32(kHidden1, outputs.hidden1, {recipe.count, recipe.width1}),
                                          f32(kHidden2, outputs.hidden2, {recipe.count, recipe.width2}),
                                          f32(kPooled, outputs.pooled, {recipe.pooled}),
                                          {kProvenance,
                                           DType::u8,
                                           {static_cast<int64_t>(recorded.size())},
                                           std::as_bytes(std::span<const char>(recorded))}};
  AtomicFile file(path);
  file.write(serialize_npz(arrays));
  file.commit(Flush::none);  // it can be made again
}

}  // namespace rankine
