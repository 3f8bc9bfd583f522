#include "models/checkpoint/synthetic.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/half.h"
#include "io/safetensors.h"
#include "io/temp_folder.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;

TEST_CASE("the worked examples of the synthetic rule come out bit by bit") {
  struct {
    std::string name;
    Shape shape;
    uint64_t seed;
    size_t i;
    uint16_t half;
  } const cases[] = {
      {"model.diffusion_model.input_blocks.0.0.weight", {320, 4, 3, 3}, 1, 0, 0xa8a7},
      {"model.diffusion_model.input_blocks.1.1.norm.weight", {320}, 1, 5, 0x3c49},
      {"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", {49408, 768}, 1, 1000000, 0xa641},
      {"first_stage_model.quant_conv.bias", {8}, 20251, 3, 0x2265},
      {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", {4, 128, 1, 1}, 11, 7, 0x28fa},
      {"lora_unet_mid_block_attentions_0_proj_in.lora_up.weight", {128, 4, 1, 1}, 11, 7, 0x9687},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto count = static_cast<size_t>(count_of(c.shape));
    std::vector<uint16_t> halves(count);
    synthetic_tensor(c.name, c.shape, c.seed, halves);
    CHECK(halves[c.i] == c.half);
    std::vector<float> wide(count);
    synthetic_f32(c.name, c.shape, c.seed, wide);
    CHECK(wide[c.i] == f32_from_f16(c.half));
  }
}

TEST_CASE("a scalar is CLIP's initial logit scale, alpha is not synthetic, and sizes must agree") {
  std::vector<uint16_t> one(1);
  synthetic_tensor("cond_stage_model.logit_scale", {}, 1, one);
  CHECK(one[0] == f16_from_f32(4.6052f));
  CHECK_THROWS_AS(synthetic_tensor("lora_unet_x.alpha", {}, 1, one), Error);
  CHECK_THROWS_AS(synthetic_tensor("x.weight", {2}, 1, one), Error);
}

TEST_CASE("the built-in layouts are those of the layout files") {
  for (const char* name : {"sd15", "sd21", "sdxl", "tiny-sd15", "tiny-sd21", "tiny-sdxl"}) {
    CAPTURE(name);
    const Layout built = layout_of(name);
    const Layout read = read_layout(golden::shipped_file(concat_text("layout_", name, ".json")).string());
    CHECK(built.architecture == read.architecture);
    CHECK(built.elements() == read.elements());
    REQUIRE(built.tensors.size() == read.tensors.size());
    for (size_t i = 0; i < built.tensors.size(); ++i) {
      CAPTURE(i);
      REQUIRE(built.tensors[i] == read.tensors[i]);
    }
  }
  CHECK_THROWS_AS(layout_of("sd3"), Error);
}

TEST_CASE("every small layout has the recorded digest") {
  for (const auto& entry : std::filesystem::directory_iterator(golden::reference_folder())) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with("layout_") || !file.ends_with(".json")) continue;
    CAPTURE(file);
    const auto json = golden::read_reference_json(file);
    if (json.at("elements").get<int64_t>() > 200'000'000) continue;  // full size takes seconds: done by hand
    const Layout layout = read_layout(entry.path().string());
    CHECK(synthetic_digest(layout, json.at("digest_seed").get<uint64_t>()) ==
          json.at("digest_sha256").get<std::string>());
    golden::ran("digest." + file);
  }
}

TEST_CASE("a written checkpoint holds what the rule says, tensor by tensor") {
  const TempFolder folder;
  const Layout layout = layout_of("tiny-sd15");
  write_synthetic_checkpoint(layout, 7, folder / "tiny.safetensors");
  const auto file = SafetensorsFile::open(folder / "tiny.safetensors");
  CHECK(file.tensors().size() == layout.tensors.size());
  std::vector<uint16_t> expected;
  size_t different = 0;
  for (const auto& [name, shape] : layout.tensors) {
    const TensorInfo& info = file.at(name);
    expected.resize(static_cast<size_t>(count_of(shape)));
    synthetic_tensor(name, shape, 7, expected);
    different += info.shape != shape || info.dtype != DType::f16 ||
                 !std::ranges::equal(file.bytes(info), std::as_bytes(std::span(expected)));
  }
  CHECK(different == 0);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a broken layout file is an error that names it") {
  const TempFolder folder;
  const std::string path = folder / "layout.json";
  for (const char* text :
       {"", "[]", "{}", "{\"tensors\":{}}", "{\"tensors\":[]}", "{\"tensors\":[1]}", "{\"tensors\":[[\"a\"]]}",
        "{\"tensors\":[[1,[2]]]}", "{\"tensors\":[[\"a\",2]]}", "{\"tensors\":[[\"a\",[-2]]]}",
        "{\"tensors\":[[\"a\",[0]]]}", "{\"tensors\":[[\"a\",[1e30]]]}",
        "{\"tensors\":[[\"a\",[4294967296,4294967296]]]}", "{\"tensors\":[[\"a\",[2]],[\"a\",[2]]]}"}) {
    CAPTURE(std::string(text));
    put_bytes(path, text);
    CHECK(error_of([&] { read_layout(path); }).find(path) == 0);
  }
}
