#include "network/lora_names.h"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "io/safetensors.h"
#include "layout_weights.h"
#include "support/accounting.h"
#include "support/lora.h"
#include "support/reference.h"

using namespace rankine;

namespace {

using Named = std::pair<std::string, Shape>;

std::vector<Named> tensors_of(const std::vector<AdaptedLayer>& modules) {
  std::vector<Named> tensors;
  for (const AdaptedLayer& m : modules) {
    tensors.emplace_back(m.key + ".alpha", Shape{});
    tensors.emplace_back(m.key + ".lora_down.weight", test::down_shape(m));
    tensors.emplace_back(m.key + ".lora_up.weight", test::up_shape(m));
  }
  return tensors;
}

}  // namespace

TEST_CASE("keys, shapes and their order are those recorded for each family, with and without convolutions") {
  const auto families = golden::read_reference_json("lora_keys.json");
  for (const auto& [family, networks] : families.items()) {
    const std::optional<golden::ModelLayout> found = golden::find_model_layout(family);
    if (!found) {
      golden::skipped("lora_keys." + family, "no layout");
      continue;
    }
    const golden::ModelLayout& layout = *found;
    for (const auto& [network, recorded] : networks.items()) {
      const std::string case_name = "lora_keys." + family + "." + network;
      CAPTURE(case_name);
      const AdaptableModules& adaptable = golden::layout_family(layout).adaptable;
      golden::ran(case_name);
      const auto expected = recorded.get<std::vector<Named>>();
      AdapterTargets targets{.text_encoder = false, .network_dim = 8};
      for (const Named& tensor : expected) targets.text_encoder |= tensor.first.starts_with("lora_te");
      if (const size_t conv = network.find("conv"); conv != network.npos)
        targets.conv_dim = std::stoi(network.substr(conv + 4));
      const auto tensors = tensors_of(adapted_layers(golden::layout_weights(layout), adaptable, targets));
      REQUIRE(tensors.size() == expected.size());
      for (size_t i = 0; i < expected.size(); ++i) REQUIRE(tensors[i] == expected[i]);
      targets.text_encoder = false;
      size_t in_unet = 0;
      for (const Named& tensor : expected) in_unet += tensor.first.starts_with("lora_unet_");
      CHECK(3 * adapted_layers(golden::layout_weights(layout), adaptable, targets).size() == in_unet);
    }
  }
}

TEST_CASE("the modules of every recorded gradient are those that its options adapt") {
  for (const golden::GradientCase& c : golden::gradient_cases()) {
    const std::string case_name = c.name + ".keys";
    CAPTURE(case_name);
    const std::optional<golden::ModelLayout> found = golden::find_model_layout(c.model);
    if (!found || !std::filesystem::exists(c.tensors)) {
      golden::skipped(case_name, !found ? "no layout" : "no tensors");
      continue;
    }
    const golden::ModelLayout& layout = *found;
    golden::ran(case_name);
    AdapterTargets targets{.text_encoder = c.text_encoder, .network_dim = c.rank, .network_alpha = c.alpha};
    if (c.conv) std::tie(targets.conv_dim, targets.conv_alpha) = *c.conv;
    const SafetensorsFile file = SafetensorsFile::open(c.tensors.string());
    std::set<std::string> expected(c.no_gradient.begin(), c.no_gradient.end());
    for (const TensorInfo& info : file.tensors()) {
      if (info.name.starts_with("grad.")) expected.insert(info.name.substr(5));
    }
    std::set<std::string> got;
    for (const auto& [name, shape] :
         tensors_of(adapted_layers(golden::layout_weights(layout), golden::layout_family(layout).adaptable, targets))) {
      if (name.ends_with(".alpha")) continue;
      got.insert(name);
      if (const TensorInfo* info = file.find("grad." + name)) CHECK(info->shape == shape);
    }
    CHECK(got == expected);
  }
}

TEST_CASE("ranks and scales follow the kind of module, and an alpha of 0 means the rank") {
  const std::vector<NamedShape> weights = {
      {"unet.down_blocks.1.resnets.0.conv_shortcut.weight", {640, 320, 1, 1}},
      {"unet.down_blocks.1.resnets.0.conv1.weight", {640, 320, 3, 3}},
      {"unet.down_blocks.1.resnets.0.conv1.bias", {640}},
      {"unet.down_blocks.1.resnets.0.norm1.weight", {320}},
      {"unet.conv_in.weight", {320, 4, 3, 3}},
      {"unet.time_embedding.linear_1.weight", {1280, 320}},
      {"vae.encoder.mid_block.attentions.0.to_q.weight", {512, 512}},
      {"text_encoder.text_model.embeddings.token_embedding.weight", {49408, 768}},
  };
  const auto modules = adapted_layers(weights, sd1_family.adaptable,
                                      {.network_dim = 8, .network_alpha = 0, .conv_dim = 4, .conv_alpha = 2});
  REQUIRE(modules.size() == 2);
  CHECK(modules[0].path == "unet.down_blocks.1.resnets.0.conv1");
  CHECK(modules[0].key == "lora_unet_down_blocks_1_resnets_0_conv1");
  CHECK(modules[0].rank == 4);
  CHECK(modules[0].scale() == 0.5);
  CHECK(modules[0].fan_in() == 2880);
  CHECK(test::down_shape(modules[0]) == Shape{4, 320, 3, 3});
  CHECK(test::up_shape(modules[0]) == Shape{640, 4, 1, 1});
  CHECK(modules[1].rank == 8);
  CHECK(modules[1].alpha == 8);
  CHECK_THROWS_AS(adapted_layers(weights, sd1_family.adaptable, {}), Error);
  CHECK_THROWS_WITH_AS(adapted_layers(weights, sd1_family.adaptable, {.network_dim = 0}),
                       doctest::Contains("network_dim"), Error);
  CHECK_THROWS_WITH_AS(adapted_layers(weights, sd1_family.adaptable, {.conv_dim = 0}), doctest::Contains("conv_dim"),
                       Error);
}

TEST_CASE("a path becomes kohya's key, and a path of no known model is refused") {
  CHECK(kohya_key("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", sd1_family.adaptable) ==
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj");
  CHECK(kohya_key("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0", sd1_family.adaptable) ==
        "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0");
  CHECK_THROWS_AS(kohya_key("vae.encoder.conv_in", sd1_family.adaptable), Error);
  CHECK_THROWS_AS(kohya_key("unetwork.conv", sd1_family.adaptable), Error);
}
