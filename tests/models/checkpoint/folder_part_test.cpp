#include "models/checkpoint/folder_part.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "models/checkpoint/model_files.h"
#include "models/sd1.h"

using namespace rankine;

namespace {

/// Rewrites a part's file of a folder as two shards with their list.
void split_part(const std::string& stem, const std::string& variant, const std::string& index,
                const std::vector<NamedShape>& tensors) {
  const std::string ending = variant.empty() ? "" : "." + variant;
  nlohmann::json map;
  for (size_t half = 0; half < 2; ++half) {
    const std::string file = concat_text(stem, ending, "-0000", half + 1, "-of-00002.safetensors");
    std::vector<NamedShape> own;
    for (size_t i = half; i < tensors.size(); i += 2) own.push_back(tensors[i]);
    for (const auto& [name, shape] : own) map[name] = std::filesystem::path(file).filename().string();
    write_hole(file, own);
  }
  std::filesystem::remove(stem + ".safetensors");
  put_bytes(stem + index, nlohmann::json{{"metadata", {}}, {"weight_map", map}}.dump());
}

std::vector<NamedShape> part_of(const std::vector<NamedShape>& tensors, const std::string& part) {
  std::vector<NamedShape> own;
  for (const auto& [name, shape] : tensors)
    if (name.starts_with(part + ".")) own.push_back({name.substr(part.size() + 1), shape});
  return own;
}

}  // namespace

TEST_CASE(
    "a Diffusers folder of present transformers, without text_model. in its names, answers under the same names") {
  const TempFolder folder;
  std::vector<NamedShape> stored = model_tensors(tiny_widths());
  for (auto& [name, shape] : stored)
    if (const std::string old = "text_encoder.text_model."; name.starts_with(old)) name.erase(13, 11);
  write_folder(folder, stored, ".safetensors");
  const Checkpoint checkpoint = Checkpoint::open(folder.path().string());
  CHECK(&checkpoint.family() == &sd1_family);
  for (const auto& [name, shape] : model_tensors(tiny_widths())) CHECK(checkpoint.shape(name) == shape);
}

TEST_CASE("a Diffusers folder may hold shards with a list, of any part and variant") {
  const auto tensors = model_tensors(tiny_widths());
  const struct {
    const char *variant, *index;
  } kinds[] = {{"", ".safetensors.index.json"},
               {"fp16", ".safetensors.index.fp16.json"},
               {"fp16", ".safetensors.fp16.index.json"},
               {"bf16", ".bf16.safetensors.index.json"}};
  for (const auto& kind : kinds) {
    CAPTURE(kind.index);
    const TempFolder folder;
    write_folder(folder, tensors, ".safetensors");
    split_part(folder / "unet/diffusion_pytorch_model", kind.variant, kind.index, part_of(tensors, "unet"));
    split_part(folder / "text_encoder/model", kind.variant, kind.index, part_of(tensors, "text_encoder"));
    split_part(folder / "vae/diffusion_pytorch_model", kind.variant, kind.index, part_of(tensors, "vae"));
    Checkpoint checkpoint = Checkpoint::open(folder.path().string());
    CHECK(checkpoint.names().size() == tensors.size());
    for (const auto& [name, shape] : tensors) CHECK(checkpoint.shape(name) == shape);
    checkpoint.replace_vae(folder.path().string());
    CHECK(checkpoint.names().size() == tensors.size());
  }
}

TEST_CASE("shards that do not fit together are errors that say what is missing") {
  const auto tensors = model_tensors(tiny_widths());
  const TempFolder folder;
  write_folder(folder, tensors, ".safetensors");
  const std::string stem = folder / "unet/diffusion_pytorch_model", index = stem + ".safetensors.index.json";
  const std::string second = stem + "-00002-of-00002.safetensors";
  split_part(stem, "", ".safetensors.index.json", part_of(tensors, "unet"));
  const std::string list = get_bytes(index), shard = get_bytes(second);
  const auto fault = [&] { return open_error(folder.path().string()); };
  CHECK(fault() == "");
  std::filesystem::remove(second);
  CHECK(contains(fault(), "of 2 shards diffusion_pytorch_model-00002-of-00002.safetensors is missing"));
  write_hole(second, {{"another", {4}}});
  CHECK(contains(fault(), "which diffusion_pytorch_model.safetensors.index.json says it has"));
  for (const auto& [text, says] : {std::pair{"{", "not a list of shards"},
                                   {"[]", "not a list of shards"},
                                   {"{\"weight_map\": {}}", "is empty"},
                                   {"{\"weight_map\": {\"a\": 3}}", "not a list of shards"},
                                   {"{\"weight_map\": {\"a\": \"../b\"}}", "must lie beside it"}}) {
    CAPTURE(text);
    put_bytes(index, text);
    CHECK(contains(fault(), says));
  }
  std::filesystem::remove(index);
  CHECK(contains(fault(), "but the shard diffusion_pytorch_model-00002-of-00002.safetensors: copy its list as well"));
}

TEST_CASE("a variant serves where the usual weights are missing, and the most precise is taken") {
  const auto tensors = model_tensors(tiny_widths());
  for (const char* variant : {".non_ema", ".fp16", ".bf16", ".mine"}) {
    const TempFolder folder;
    write_folder(folder, tensors, std::string(variant) + ".safetensors");
    CHECK(open_error(folder.path().string()) == "");
    write_hole(folder / "unet/diffusion_pytorch_model.zzz.safetensors", {{"another", {4}}});
    CHECK(open_error(folder.path().string()) == "");
    write_hole(folder / "unet/diffusion_pytorch_model.safetensors", {{"the usual", {4}}});
    CHECK(contains(open_error(folder.path().string()), "no known model"));
  }
  const TempFolder folder;
  write_folder(folder, tensors, ".safetensors");
  std::filesystem::rename(folder / "unet/diffusion_pytorch_model.safetensors", folder / "unet/flax_model.msgpack");
  CHECK(contains(open_error(folder.path().string()), "flax_model.msgpack is not read"));
}
