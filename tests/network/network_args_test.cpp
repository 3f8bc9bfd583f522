#include "network/network_args.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

namespace {

NetworkArgs parse(const std::vector<std::string>& items) { return parse_network_args(items); }

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
  CHECK_THROWS_WITH_AS(parse({"block_dims=1,2"}), doctest::Contains("not supported yet"), Error);
}
