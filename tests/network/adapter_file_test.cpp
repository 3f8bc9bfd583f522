#include "network/adapter_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "io/safetensors.h"
#include "layout_weights.h"
#include "support/accounting.h"
#include "support/lora.h"
#include "support/reference.h"

using namespace rankine;
namespace fs = std::filesystem;

namespace {

struct TemporaryFolder {
  fs::path path;
  explicit TemporaryFolder(const std::string& name)
      : path(fs::temp_directory_path() / ("rankine_" + name + "_" + std::to_string(getpid()))) {
    fs::create_directories(path);
  }
  ~TemporaryFolder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

DType dtype_named(const std::string& name) { return name == "F32" ? DType::f32 : DType::f16; }

/// Two modules of a made-up model, one of them a convolution.
std::vector<AdaptedLayer> small_modules(int64_t rank = 2, double alpha = 1) {
  const std::vector<NamedShape> weights = {
      {"text_encoder.text_model.encoder.layers.0.mlp.fc1.weight", {6, 5}},
      {"unet.mid_block.attentions.0.proj_in.weight", {4, 3, 1, 1}},
  };
  return adapted_layers(weights, sd1_family.adaptable, {.network_dim = rank, .network_alpha = alpha});
}

std::string text_of_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("the hashes of synthetic LoRAs are those recorded") {
  const auto cases = golden::read_reference_json("lora_hashes.json");
  const std::optional<golden::ModelLayout> layout = golden::find_model_layout("tiny-sd15");
  if (!layout) return golden::skipped("lora_hashes", "no layout");
  const auto weights = golden::layout_weights(*layout);
  for (size_t n = 0; n < cases.size(); ++n) {
    const auto& c = cases[n];
    golden::ran("lora_hashes." + std::to_string(n));
    CAPTURE(n);
    const auto modules =
        adapted_layers(weights, sd1_family.adaptable, {.network_dim = c.at("rank"), .network_alpha = c.at("alpha")});
    const auto metadata = c.at("metadata").get<std::map<std::string, std::string>>();
    const AdapterHashes hashes =
        hash_adapter(golden::synthetic_lora(modules, c.at("seed")), dtype_named(c.at("dtype")), metadata);
    CHECK(hashes.model_hash == c.at("sshs_model_hash"));
    CHECK(hashes.legacy_hash == c.at("sshs_legacy_hash"));
  }
}

TEST_CASE("a LoRA of the reference program is read, and saved again with the same data, order and hashes") {
  const std::optional<golden::ModelLayout> layout = golden::find_model_layout("tiny-sd15");
  if (!layout) return golden::skipped("e2e_tiny-sd15_lora", "no layout");
  if (!golden::has_reference("e2e_tiny-sd15_lora.safetensors")) return;
  golden::ran("e2e_tiny-sd15_lora");
  const std::string path = golden::reference_file("e2e_tiny-sd15_lora.safetensors").string();
  const auto adaptable = adapted_layers(golden::layout_weights(*layout), sd1_family.adaptable, {.conv_dim = 1});
  const AdapterWeights weights = read_adapter(path, adaptable);
  CHECK(weights.kind == &lora_adapter);
  const SafetensorsFile original = SafetensorsFile::open(path);
  CHECK(3 * weights.layers.size() == original.tensors().size());
  const TemporaryFolder folder("lora_file");
  save_adapter(folder.file("again.safetensors"), weights, DType::f16, original.metadata());
  const SafetensorsFile again = SafetensorsFile::open(folder.file("again.safetensors"));
  CHECK(again.metadata() == original.metadata());
  CHECK(again.file_size() == original.file_size());
  REQUIRE(again.tensors().size() == original.tensors().size());
  for (size_t i = 0; i < again.tensors().size(); ++i) {
    REQUIRE(again.tensors()[i].name == original.tensors()[i].name);
    REQUIRE(again.tensors()[i].begin == original.tensors()[i].begin);
  }
  const auto runs = golden::read_reference_json("e2e_metadata.json");
  if (!runs.contains("tiny-sd15")) return;
  const auto& recorded = runs.at("tiny-sd15").at("tensors_in_file_order");
  for (size_t i = 0; i < recorded.size(); ++i) CHECK(again.tensors()[i].name == recorded[i].at(0));
}

TEST_CASE("weights come back from a file in each element type, and training goes on from them") {
  const TemporaryFolder folder("lora_types");
  const auto modules = small_modules();
  const auto lora = golden::synthetic_lora(modules, 3);
  for (const auto& [name, dtype] :
       {std::pair{"", DType::f32}, {"float", DType::f32}, {"fp16", DType::f16}, {"bf16", DType::bf16}}) {
    CHECK(saved_dtype(name) == dtype);
    const std::string path = folder.file("a.safetensors");
    save_adapter(path, lora, dtype, {{"ss_network_dim", "2"}});
    const SafetensorsFile file = SafetensorsFile::open(path);
    CHECK(file.at("lora_unet_mid_block_attentions_0_proj_in.alpha").dtype == dtype);
    CHECK(file.metadata().at("sshs_model_hash").size() == 64);
    save_adapter(folder.file("a.pt"), lora, dtype, {});
    for (const std::string& saved : {path, folder.file("a.pt")}) {
      const auto loaded = read_network_weights(saved, lora_adapter, modules, modules).loaded;
      REQUIRE(loaded.size() == 2);
      for (size_t i = 0; i < 2; ++i) {
        CHECK(loaded[i].layer.key == modules[i].key);
        const std::vector<float>&down = loaded[i].tensors[0], &saved_down = lora.layers[i].tensors[0];
        for (size_t k = 0; k < down.size(); ++k)
          CHECK(down[k] == doctest::Approx(saved_down[k]).epsilon(dtype == DType::bf16 ? 0x1p-8 : 1e-7));
      }
    }
  }
  CHECK_THROWS_WITH_AS(saved_dtype("fp8"), doctest::Contains("fp16"), Error);
}

TEST_CASE("weights that are not finite are never saved, and the last good file stays") {
  const TemporaryFolder folder("lora_nan");
  const auto modules = small_modules();
  const auto good = golden::synthetic_lora(modules, 3);
  const std::string path = folder.file("a.safetensors");
  save_adapter(path, good, DType::f32, {});
  const std::string before = SafetensorsFile::open(path).metadata().at("sshs_model_hash");
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto bad = good;
    bad.layers[1].tensors[1][3] = wrong;
    const std::string text = text_of_error([&] { save_adapter(path, bad, DType::f32, {}); });
    CHECK(text.find("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight") != text.npos);
  }
  auto large = good;
  large.layers[0].tensors[0][0] = 1e6f;
  CHECK(text_of_error([&] { save_adapter(path, large, DType::f16, {}); }).find("bf16") != std::string::npos);
  CHECK(SafetensorsFile::open(path).metadata().at("sshs_model_hash") == before);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator{}) == 1);
}

TEST_CASE("files that do not fit are refused with the name and what to do") {
  const TemporaryFolder folder("lora_misfit");
  const std::string path = folder.file("a.safetensors");
  const auto modules = small_modules();
  const auto save = [&](const std::vector<AdaptedLayer>& m) {
    save_adapter(path, golden::synthetic_lora(m, 3), DType::f32, {});
  };
  const auto error = [&](const std::vector<AdaptedLayer>& wanted) {
    return text_of_error([&] { read_network_weights(path, lora_adapter, wanted, wanted); });
  };
  const auto mentions = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != text.npos);
  };

  save(small_modules(4, 1));
  mentions(error(modules), "network_dim is 2: set it to 4");
  save(small_modules(2, 2));
  mentions(error(modules), "network_alpha is 1: set it to 2");
  mentions(error(modules), "--dim_from_weights");
  save(modules);
  mentions(text_of_error([&] { read_network_weights(path, lora_adapter, {}, modules); }),
           "none of the modules that train");
  const std::vector<AdaptedLayer> one = {modules[1]};
  const NetworkWeights part = read_network_weights(path, lora_adapter, one, one);
  REQUIRE(part.notes.size() == 1);
  mentions(part.notes[0], "no module for lora_te_text_model_encoder_layers_0_mlp_fc1.");

  auto other = modules;
  other[0].weight = {6, 7};
  mentions(error(other), "another model");
  CHECK(read_adapter(path, small_modules(9, 9)).layers[0].layer.rank == 2);

  const float value = 1;
  const auto bytes = std::as_bytes(std::span(&value, 1));
  const auto write = [&](std::vector<TensorToWrite> tensors) { write_safetensors(path, tensors, {}); };
  const std::string key = modules[0].key;
  write({{key + ".alpha", DType::f32, {}, bytes}});
  mentions(error(modules), "has no lora_down.weight");
  write({{key + ".lora_up.weight", DType::f32, {1, 1}, bytes}});
  mentions(error(modules), "has no lora_down.weight");
  write({{key + ".lora_down.weight", DType::f32, {1, 1}, bytes}});
  mentions(error(modules), "has no lora_up.weight");
  write({{key + ".lora_down.weight", DType::f32, {}, bytes}, {key + ".lora_up.weight", DType::f32, {}, bytes}});
  mentions(error(modules), "no rank");
  write({{key + ".dora_scale", DType::f32, {}, bytes}});
  mentions(error(modules), "this is a DoRA");
  write({{"unet.mid_block.lora_A.weight", DType::f32, {}, bytes}});
  mentions(error(modules), "convert it to kohya's names");
  write({});
  mentions(error(modules), "no LoRA in this file");
}

TEST_CASE("training goes on from a file with fewer modules or more, and it is said") {
  const TemporaryFolder folder("lora_parts");
  const std::string path = folder.file("a.safetensors");
  const auto modules = small_modules();
  const auto save = [&](const std::vector<AdaptedLayer>& m) {
    save_adapter(path, golden::synthetic_lora(m, 3), DType::f32, {});
  };
  save({modules[1]});
  const NetworkWeights fewer = read_network_weights(path, lora_adapter, modules, modules);
  REQUIRE(fewer.loaded.size() == 1);
  CHECK(fewer.loaded[0].layer.key == modules[1].key);
  REQUIRE(fewer.notes.size() == 1);
  CHECK(fewer.notes[0].find("no weights for " + modules[0].key + ": they start anew") != std::string::npos);
  save(modules);
  const NetworkWeights more = read_network_weights(path, lora_adapter, std::vector{modules[1]}, modules);
  REQUIRE(more.loaded.size() == 1);
  CHECK(more.loaded[0].layer.key == modules[1].key);
  REQUIRE(more.notes.size() == 1);
  CHECK(more.notes[0].find("what it has for " + modules[0].key + " is not used") != std::string::npos);
  CHECK(read_network_weights(path, lora_adapter, modules, modules).notes.empty());
}

TEST_CASE("a file without alpha has the rank as alpha") {
  const TemporaryFolder folder("lora_alpha");
  const std::string path = folder.file("a.safetensors");
  const auto module = small_modules()[1];
  const std::vector<float> down(6, 0.5f), up(8, 0.25f);
  const std::vector<TensorToWrite> tensors = {
      {module.key + ".lora_down.weight", DType::f32, test::down_shape(module), std::as_bytes(std::span(down))},
      {module.key + ".lora_up.weight", DType::f32, test::up_shape(module), std::as_bytes(std::span(up))}};
  write_safetensors(path, tensors, {});
  const std::vector<LayerWeights> loaded = read_adapter(path, small_modules()).layers;
  REQUIRE(loaded.size() == 1);
  CHECK(loaded[0].layer.alpha == 2);
  CHECK(loaded[0].tensors[0] == down);
}

TEST_CASE("a file that is no LoRA with kohya's names is named for what it is, with the remedy") {
  const TemporaryFolder folder("foreign_files");
  const std::string path = folder.file("a.safetensors");
  const struct {
    const char *name, *says;
  } cases[] = {
      {"lora_unet_mid_block_attentions_0_proj_in.hada_w1_a", "a LoHa"},
      {"lora_unet_mid_block_attentions_0_proj_in.lokr_w2_a", "a LoKr"},
      {"lora_unet_mid_block_attentions_0_proj_in.oft_blocks", "an OFT"},
      {"lora_unet_mid_block_attentions_0_proj_in.on_input", "(IA)^3"},
      {"lora_unet_mid_block_attentions_0_proj_in.b2.weight", "a GLoRA"},
      {"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "a LoRA for SDXL"},
      {"lora_unet_input_blocks_4_1_proj_in.lora_down.weight", "a LoRA for SDXL"},
      {"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", "a LoRA for FLUX"},
      {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", "FLUX"},
      {"base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_A.weight", "PEFT"},
      {"unet.mid_block.attentions.0.proj_in.lora.down.weight", "old names of Diffusers"},
      {"mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight", "old names of Diffusers"},
      {"emb_params", "a textual inversion embedding"},
      {"clip_l", "a textual inversion embedding"},
      {"model.diffusion_model.input_blocks.0.0.weight", "--pretrained_model_name_or_path"},
      {"control_model.input_blocks.0.0.weight", "a ControlNet"},
      {"decoder.conv_in.weight", "a VAE alone"},
  };
  const float value = 1;
  for (const auto& c : cases) {
    CAPTURE(c.name);
    write_safetensors(path, std::vector<TensorToWrite>{{c.name, DType::f32, {1}, std::as_bytes(std::span(&value, 1))}},
                      {});
    const std::string text = text_of_error([&] { read_adapter(path, small_modules()); });
    CAPTURE(text);
    CHECK(text.find(path + ": this is ") == 0);
    CHECK(text.find(c.says) != text.npos);
  }
}

TEST_CASE("tensors that a web interface stores beside a LoRA are left out with a note") {
  const TemporaryFolder folder("bundled");
  const std::string path = folder.file("a.safetensors");
  const auto module = small_modules()[1];
  const std::vector<float> down(6, 0.5f), up(8, 0.25f);
  const std::vector<TensorToWrite> tensors = {
      {module.key + ".lora_down.weight", DType::f32, test::down_shape(module), std::as_bytes(std::span(down))},
      {module.key + ".lora_up.weight", DType::f32, test::up_shape(module), std::as_bytes(std::span(up))},
      {"bundle_emb.word.string_to_param.*", DType::f32, {6}, std::as_bytes(std::span(down))}};
  write_safetensors(path, tensors, {});
  const AdapterWeights weights = read_adapter(path, small_modules());
  CHECK(weights.layers.size() == 1);
  REQUIRE(weights.notes.size() == 1);
  CHECK(weights.notes[0].find("no module for bundle_emb.word.string_to_param.*: it is not used") != std::string::npos);
}
