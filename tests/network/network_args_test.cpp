#include "network/network_args.h"

#include <doctest/doctest.h>

#include "models/stable_diffusion.h"

#include "base/error.h"

using namespace rankine;

namespace {

NetworkArgs parse(const std::vector<std::string>& items) { return parse_network_args(items, &kUNetBlocks); }

/// One value for each block.
std::string twenty_five(const std::string& value) {
  std::string list = value;
  for (int i = 1; i < 25; ++i) list += "," + value;
  return list;
}

}  // namespace

TEST_CASE("--network_args are read, and kept as they were written") {
  const NetworkArgs args = parse({"conv_dim=4", "conv_alpha=0.5", "loraplus_lr_ratio=16", "loraplus_unet_lr_ratio=4"});
  CHECK(args.conv_dim == 4);
  CHECK(args.conv_alpha == 0.5);
  CHECK(args.unet_ratio() == 4);
  CHECK(args.text_encoder_ratio() == 16);
  REQUIRE(args.given.size() == 4);
  CHECK(args.given[1].first == "conv_alpha");
  CHECK(args.given[1].second == "0.5");
}

TEST_CASE("dropout, ranks and rates by block are read in any order, and of two values the later counts") {
  const NetworkArgs args =
      parse({"block_lr_zero_threshold=0.2", "rank_dropout=0.5", "rank_dropout=0.25", "module_dropout=0.1",
             "block_dims=" + twenty_five("8"), "conv_block_dims=" + twenty_five("4"), "down_lr_weight=linear"});
  CHECK(args.rank_dropout == 0.25);
  CHECK(args.module_dropout == 0.1);
  CHECK(args.blocks.dims == std::vector<int64_t>(25, 8));
  CHECK(args.blocks.conv_dims == std::vector<int64_t>(25, 4));
  REQUIRE(args.block_lr_weight.size() == 25);
  CHECK(args.block_lr_weight[2] == 0);
  CHECK(args.block_lr_weight[3] == doctest::Approx(3 / 11.0));
  CHECK(args.given.size() == 6);
  CHECK(args.given[1] == std::pair<std::string, std::string>{"rank_dropout", "0.25"});
}

TEST_CASE("without --network_args there are no convolutions, and one rate") {
  const NetworkArgs args = parse({});
  CHECK_FALSE(args.conv_dim.has_value());
  CHECK(args.conv_alpha == 1);
  CHECK_FALSE(args.unet_ratio().has_value());
  CHECK_FALSE(args.text_encoder_ratio().has_value());
}

TEST_CASE("wrong --network_args are named") {
  CHECK_THROWS_WITH_AS(parse({"conv_dim"}), doctest::Contains("key=value"), Error);
  CHECK_THROWS_WITH_AS(parse({"conv_dim=x"}), doctest::Contains("whole number, got \"x\""), Error);
  CHECK_THROWS_WITH_AS(parse({"conv_dim=0"}), doctest::Contains("at least 1"), Error);
  CHECK_THROWS_WITH_AS(parse({"loraplus_lr_ratio=-1"}), doctest::Contains("above 0"), Error);
  CHECK_THROWS_WITH_AS(parse({"conv_rank=4"}), doctest::Contains("there are conv_dim, conv_alpha"), Error);
  CHECK_THROWS_WITH_AS(parse({"rank_dropuot=0.1"}), doctest::Contains("nearest is \"rank_dropout\""), Error);
  CHECK_THROWS_WITH_AS(parse({"dropout=0.1"}), doctest::Contains("--network_dropout"), Error);
  CHECK_THROWS_WITH_AS(parse({"rank_dropout=1"}), doctest::Contains("below 1"), Error);
  CHECK_THROWS_WITH_AS(parse({"block_dims=1,2"}), doctest::Contains("takes 25 numbers"), Error);
  CHECK_THROWS_WITH_AS(parse({"block_dims=" + twenty_five("1.5")}), doctest::Contains("whole numbers"), Error);
  CHECK_THROWS_WITH_AS(parse({"block_alphas=" + twenty_five("-1")}), doctest::Contains("at least 0"), Error);
  CHECK_THROWS_WITH_AS(parse({"conv_block_alphas=" + twenty_five("1")}), doctest::Contains("needs conv_block_dims"),
                       Error);
}
