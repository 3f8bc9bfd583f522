#include "network/lora_blocks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <set>

#include "base/error.h"
#include "layout_weights.h"
#include "models/sdxl.h"
#include "models/stable_diffusion.h"
#include "network/lora_names.h"
#include "support/lora.h"

using namespace rankine;

namespace {

std::vector<double> weights_of(const BlockRateTexts& texts) {
  std::vector<std::string> notes;
  const std::vector<double> weights = block_lr_weights(texts, kUNetBlocks, notes);
  CHECK(notes.empty());
  return weights;
}

std::string error_of(const BlockRateTexts& texts) {
  std::vector<std::string> notes;
  try {
    block_lr_weights(texts, kUNetBlocks, notes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("U-Net modules are in the blocks that sd-scripts counts: 1 to 11 down, 12 in the middle, 13 to 24 up") {
  const std::pair<const char*, int> cases[] = {
      {"unet.down_blocks.0.attentions.0.proj_in", 1},
      {"unet.down_blocks.0.resnets.0.conv1", 1},
      {"unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q", 2},
      {"unet.down_blocks.0.downsamplers.0.conv", 3},
      {"unet.down_blocks.2.attentions.1.proj_out", 8},
      {"unet.down_blocks.3.resnets.1.conv2", 11},
      {"unet.mid_block.attentions.0.proj_in", 12},
      {"unet.mid_block.resnets.1.conv1", 12},
      {"unet.up_blocks.0.resnets.0.conv1", 13},
      {"unet.up_blocks.0.upsamplers.0.conv", 15},
      {"unet.up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj", 18},
      {"unet.up_blocks.3.attentions.2.proj_out", 24},
  };
  for (const auto& [path, block] : cases) {
    CAPTURE(path);
    CHECK(unet_block(path) == block);
  }
  CHECK_THROWS_AS(unet_block("unet.conv_in"), Error);
  CHECK_THROWS_AS(unet_block("text_encoder.text_model.encoder.layers.0.mlp.fc1"), Error);
}

TEST_CASE("learning rates by block: lists, curves, what is left out and what is too small") {
  const std::vector<double> lists = weights_of({.down = "1,2,3,4,5,6,7,8,9,10,11,12", .mid = "0.5", .up = {}});
  REQUIRE(lists.size() == kUNetBlocks.count());
  CHECK(lists[0] == 1);
  CHECK(lists[11] == 12);
  CHECK(lists[12] == 0.5);
  for (size_t i = 13; i < 25; ++i) CHECK(lists[i] == 1);

  const std::vector<double> sine = weights_of({.down = "sine", .mid = {}, .up = "cosine+.25"});
  for (size_t i = 0; i < 12; ++i) {
    const double x = static_cast<double>(i) / 11;
    CHECK(sine[i] == doctest::Approx(std::sin(std::numbers::pi * x / 2)));
    CHECK(sine[13 + i] == doctest::Approx(std::sin(std::numbers::pi * (1 - x) / 2) + 0.25));
  }
  const std::vector<double> linear = weights_of({.down = "linear", .mid = {}, .up = "reverse_linear"});
  CHECK(linear[11] == 1);
  CHECK(linear[1] == doctest::Approx(1 / 11.0));
  CHECK(linear[13] == 1);
  CHECK(linear[24] == 0);
  CHECK(weights_of({.down = "zeros", .mid = {}, .up = "zeros+0.5"})[5] == 0);
  CHECK(weights_of({.down = "zeros", .mid = {}, .up = "zeros+0.5"})[20] == 0.5);

  const std::vector<double> cut =
      weights_of({.down = "linear", .mid = "0.3", .up = {}, .zero_threshold = 0.3});  // "up to" includes it
  CHECK(cut[3] == 0);
  CHECK(cut[4] == doctest::Approx(4 / 11.0));
  CHECK(cut[12] == 0);
  CHECK(cut[13] == 1);
}

TEST_CASE("lists of another length are cut or filled with 1, as sd-scripts does, and it is said") {
  std::vector<std::string> notes;
  const std::vector<double> weights = block_lr_weights({.down = "0.5,0.5", .mid = "1,2", .up = {}}, kUNetBlocks, notes);
  REQUIRE(weights.size() == kUNetBlocks.count());
  CHECK(weights[1] == 0.5);
  CHECK(weights[2] == 1);
  REQUIRE(notes.size() == 2);
  CHECK(notes[0] == "--network_args: down_lr_weight has 2 numbers for 12 blocks: the others are 1");
  CHECK(notes[1] == "--network_args: mid_lr_weight has 2 numbers for 1 block: the last ones are not used");
}

TEST_CASE("wrong learning rates by block are named") {
  CHECK(error_of({.down = "sinus", .mid = {}, .up = {}}).find("the nearest is \"sine\"") != std::string::npos);
  CHECK(error_of({.down = {}, .mid = {}, .up = "0.5"}).find("up_lr_weight takes 12 numbers") != std::string::npos);
  CHECK(error_of({.down = "1,x", .mid = {}, .up = {}}).find("\"x\" in \"1,x\" is no number") != std::string::npos);
  CHECK(error_of({.down = "sine+", .mid = {}, .up = {}}).find("is no number") != std::string::npos);
}

TEST_CASE("ranks and alphas by block shape the U-Net's modules; a rank of 0 leaves a block out") {
  const golden::ModelLayout layout = golden::shipped_layout("tiny-sd15");
  const std::vector<NamedShape> weights = golden::layout_weights(layout);
  AdapterTargets targets{.network_dim = 3, .network_alpha = 2, .blocks = {}};
  for (int block = 0; block < kUNetBlocks.count(); ++block) {
    targets.blocks.dims.push_back(block == 4 ? 0 : block + 1);
    targets.blocks.alphas.push_back(block == 5 ? 0 : 0.5 * block);
    targets.blocks.conv_dims.push_back(block == 12 ? 0 : 2 * block + 1);
  }
  targets.conv_alpha = 7;
  std::set<int> blocks, conv_blocks;
  bool shortcut = false;
  for (const AdaptedLayer& m : adapted_layers(weights, sd1_family.adaptable, targets)) {
    CAPTURE(m.key);
    if (m.in_text_encoder()) {
      CHECK(m.rank == 3);
      CHECK(m.alpha == 2);
      continue;
    }
    const int block = unet_block(m.path);
    const bool wide = m.is_conv() && m.weight[2] == 3;
    CHECK(test::down_shape(m)[0] == m.rank);
    if (wide) {
      CHECK(m.rank == 2 * block + 1);
      CHECK(m.alpha == 7);
    } else {
      CHECK(m.rank == block + 1);
      CHECK(m.alpha == (block == 5 ? 6 : 0.5 * block));  // 0: as large as the rank
    }
    shortcut = shortcut || m.path.ends_with("conv_shortcut");
    (wide ? conv_blocks : blocks).insert(block);
  }
  CHECK(shortcut);
  CHECK(!blocks.contains(4));
  CHECK(conv_blocks.contains(4));
  CHECK(blocks.contains(12));
  CHECK(!conv_blocks.contains(12));

  targets.blocks.conv_dims.clear();
  for (const AdaptedLayer& m : adapted_layers(weights, sd1_family.adaptable, targets))
    CHECK(m.path.find("resnets") == std::string::npos);
}

TEST_CASE("SDXL's U-Net has 23 blocks, the first and the last of them without modules") {
  const DenoiserBlocks& blocks = sdxl_family.adaptable.blocks;
  CHECK(blocks.count() == 23);
  CHECK(blocks.block_of("unet.down_blocks.0.resnets.0.conv1") == 2);  // input_blocks.1
  CHECK(blocks.block_of("unet.down_blocks.1.attentions.0.proj_in") == 4 + 1);
  CHECK(blocks.block_of("unet.mid_block.resnets.1.conv1") == 12);
  CHECK(blocks.block_of("unet.up_blocks.2.resnets.2.conv2") == 21);
  CHECK_THROWS_AS(blocks.block_of("unet.time_embedding.linear_1"), Error);
  std::vector<std::string> notes;
  const std::vector<double> weights =
      block_lr_weights({.down = "0,0,0,0,0,0,0,0,0.5", .mid = {}, .up = {}}, blocks, notes);
  REQUIRE(weights.size() == 23);
  CHECK(weights[0] == 1);
  CHECK(weights[1] == 0);
  CHECK(weights[9] == 0.5);
  CHECK(weights[10] == 1);
}
