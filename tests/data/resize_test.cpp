#include "data/resize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/safetensors.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using json = nlohmann::ordered_json;

namespace {

/// The difference of two pictures: the number of unequal bytes and the largest difference.
struct Difference {
  size_t unequal = 0;
  int largest = 0;
};

Difference difference(std::span<const uint8_t> a, std::span<const std::byte> b) {
  Difference d;
  for (size_t i = 0; i < a.size(); ++i) {
    const int by = std::abs(a[i] - static_cast<int>(b[i]));
    d.unequal += by != 0;
    d.largest = std::max(d.largest, by);
  }
  return d;
}

/// The page of the recorded numbers allows one level on a few pixels for these. The shipped ones are met exactly.
bool may_be_off_by_one(Interpolation interpolation) {
  return interpolation == Interpolation::bicubic || interpolation == Interpolation::lanczos ||
         interpolation == Interpolation::automatic;  // lanczos where the picture grows
}

Image picture(int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (int i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 37 % 251));
  return image;
}

}  // namespace

TEST_CASE("pictures are resized and cut to the recorded pixels") {
  if (!golden::has_reference("preprocess.safetensors")) return;
  const SafetensorsFile recorded = SafetensorsFile::open(golden::reference_file("preprocess.safetensors").string());
  const json table = golden::read_reference_json("preprocess.json");
  for (const json& c : table) {
    const std::string key = c.at("key"), file = c.at("file");
    CAPTURE(key);
    const bool alpha = c.at("alpha");
    const std::filesystem::path picture = golden::reference_folder() / "images" / file;
    if (!std::filesystem::exists(picture) || !recorded.find(key)) {
      golden::skipped("preprocess." + key, recorded.find(key) ? "no picture" : "no tensors");
      continue;
    }
    const Image original = read_image(picture.string(), alpha ? Alpha::require : Alpha::drop);
    const Buckets buckets({.resolution = {c.at("resolution")[0], c.at("resolution")[1]},
                           .min_bucket_reso = c.at("min"),
                           .max_bucket_reso = c.at("max"),
                           .bucket_reso_steps = c.at("steps"),
                           .bucket_no_upscale = c.at("no_upscale")});
    const BucketChoice choice = buckets.select({original.width, original.height});
    CHECK(choice.bucket == Size{c.at("bucket")[0], c.at("bucket")[1]});
    CHECK(choice.resized == Size{c.at("resized")[0], c.at("resized")[1]});
    const Interpolation interpolation = c.at("interpolation").is_null()
                                            ? Interpolation::automatic
                                            : interpolation_from(c.at("interpolation").get<std::string>());
    const Image result = centre_crop(resize(original, choice.resized, interpolation), choice.bucket);
    const auto expected = recorded.bytes(recorded.at(key));
    REQUIRE(result.pixels.size() == expected.size());
    const Difference d = difference(result.pixels, expected);
    if (file.ends_with(".jpg")) {
      // JPEG decoders may differ by a level or two before anything is resized.
      CHECK(d.largest <= 2);
    } else if (!golden::reads_shipped_folder() && may_be_off_by_one(interpolation)) {
      CHECK(d.largest <= 1);
      CHECK(d.unequal * 100 <= expected.size());
    } else {
      CHECK(d.unequal == 0);
    }
    golden::ran("preprocess." + key);

    for (const bool flipped : {false, true}) {
      const TensorInfo* floats = recorded.find(key + (flipped ? ".float_chw_flipped" : ".float_chw"));
      if (!floats) continue;
      std::vector<float> want(count_of(floats->shape)), got(want.size());
      recorded.read_f32(*floats, want);
      to_network_input(result, flipped, got.data());
      const size_t plane = want.size() / 3;
      const float allowed = static_cast<float>(d.largest) * (2.0f / 255 + 1e-6f);  // 0 for equal pixels
      size_t unequal = 0;
      for (size_t i = 0; i < plane; ++i)
        for (size_t channel = 0; channel < 3; ++channel)
          unequal += std::abs(got[i * 3 + channel] - want[channel * plane + i]) > allowed;
      CHECK(unequal == 0);
    }
  }
}

TEST_CASE("a picture that has the size already is not resampled") {
  const Image image = picture(13, 7, 3);
  CHECK(resize(image, {13, 7}, Interpolation::lanczos).pixels == image.pixels);
}

TEST_CASE("the crop leaves the larger half of an odd excess at the right and bottom") {
  const Image image = picture(8, 6, 1);
  const Image cut = centre_crop(image, {5, 3});
  CHECK(cut.pixels.front() == image.pixels[1 * 8 + 1]);
  CHECK(cut.pixels.back() == image.pixels[3 * 8 + 5]);
  CHECK_THROWS_AS(centre_crop(image, {9, 3}), Error);
}

TEST_CASE("flipping twice gives the picture back, and agrees with the flipped network input") {
  const Image image = picture(9, 5, 3);
  const Image mirrored = flip_horizontal(image);
  CHECK(flip_horizontal(mirrored).pixels == image.pixels);
  std::vector<float> a(image.pixels.size()), b(image.pixels.size());
  to_network_input(image, true, a.data());
  to_network_input(mirrored, false, b.data());
  CHECK(a == b);
}

TEST_CASE("an unknown interpolation is refused with the names there are") {
  CHECK(interpolation_from("cubic") == Interpolation::bicubic);
  CHECK_THROWS_WITH_AS(interpolation_from("lancos"), doctest::Contains("lanczos"), Error);
}
