#include "data/buckets.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using json = nlohmann::ordered_json;

namespace {

Size size_from(const json& pair) { return {pair.at(0), pair.at(1)}; }

BucketConfig config_from(const json& setting) {
  return {.resolution = size_from(setting.at("resolution")),
          .min_bucket_reso = setting.at("min_bucket_reso"),
          .max_bucket_reso = setting.at("max_bucket_reso"),
          .bucket_reso_steps = setting.at("bucket_reso_steps"),
          .bucket_no_upscale = setting.at("bucket_no_upscale")};
}

}  // namespace

TEST_CASE("bucket lists and the bucket of every recorded picture equal the reference exactly") {
  int pictures = 0, settings = 0;
  const json table = golden::read_reference_json("buckets.json");
  for (const json& setting : table) {
    const Buckets buckets(config_from(setting));
    CAPTURE(buckets.config().resolution.width);
    CAPTURE(buckets.config().bucket_reso_steps);
    CHECK(buckets.config().min_bucket_reso == setting.at("adjusted_min"));
    CHECK(buckets.config().max_bucket_reso == setting.at("adjusted_max"));
    std::vector<Size> expected;
    if (!setting.at("buckets").is_null())
      for (const json& pair : setting.at("buckets")) expected.push_back(size_from(pair));
    CHECK(buckets.sizes() == expected);

    golden::ran("buckets.setting" + std::to_string(settings++));
    for (const json& picture : setting.at("images")) {
      const Size size = size_from(picture.at("size"));
      CAPTURE(size.width);
      CAPTURE(size.height);
      ++pictures;
      if (picture.contains("error")) {
        CHECK_THROWS_AS(buckets.select(size), Error);
        continue;
      }
      const BucketChoice choice = buckets.select(size);
      CHECK(choice.bucket == size_from(picture.at("bucket")));
      CHECK(choice.resized == size_from(picture.at("resized")));
      CHECK(choice.ar_error == picture.at("ar_error").get<double>());
      CHECK(crop_ltrb(choice.bucket, size) == picture.at("crop_ltrb").get<std::array<double, 4>>());
    }
  }
  if (golden::reads_shipped_folder()) CHECK(pictures > 0);
}

TEST_CASE("without buckets every picture goes to the resolution") {
  const Buckets buckets({.resolution = {512, 512}, .enable_bucket = false});
  CHECK(buckets.select({1000, 500}).bucket == Size{512, 512});
  CHECK(buckets.select({1000, 500}).resized == Size{1024, 512});
}

TEST_CASE("bucket limits that contradict the resolution are refused") {
  CHECK_THROWS_WITH_AS(Buckets({.resolution = {128, 128}}), doctest::Contains("min_bucket_reso"), Error);
  const BucketConfig small = {.resolution = {128, 128}, .min_bucket_reso = 32};
  CHECK_THROWS_WITH_AS(Buckets{small}, doctest::Contains("min_bucket_reso 32 is smaller"), Error);
  BucketConfig without = small;
  without.bucket_no_upscale = true;  // as in sd-scripts, no bucket is made from it
  CHECK(Buckets(without).select({64, 64}).bucket == Size{64, 64});
  CHECK_THROWS_WITH_AS(Buckets({.resolution = {2048, 512}}), doctest::Contains("max_bucket_reso"), Error);
  CHECK_THROWS_WITH_AS(Buckets({.resolution = {0, 512}}), doctest::Contains("resolution"), Error);
  CHECK_THROWS_WITH_AS(Buckets({.bucket_reso_steps = 12}), doctest::Contains("multiple of 8"), Error);
  CHECK_THROWS_WITH_AS(Buckets({.resolution = {100, 100}, .enable_bucket = false}), doctest::Contains("96,96"), Error);
}
