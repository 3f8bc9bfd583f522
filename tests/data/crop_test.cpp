#include "data/crop.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "data/color_augment.h"
#include "data/loader.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

/// A picture of 200x100 that goes to 64x64.
Sample wide_sample(const std::string& path = "a.png") {
  Sample sample;
  sample.path = path;
  sample.size = {200, 100};
  sample.place = {.bucket = {64, 64}, .resized = {128, 64}};
  return sample;
}

std::vector<Crop> draws(const Sample& sample, const DatasetOptions& dataset, const SubsetOptions& subset) {
  std::vector<Crop> crops;
  for (uint64_t i = 0; i < 200; ++i) {
    Rng rng(1, purpose::crop, i);
    crops.push_back(choose_crop(sample, dataset, subset, rng));
  }
  return crops;
}

Image gradient(int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels};
  for (int i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 37 % 251));
  return image;
}

}  // namespace

TEST_CASE("without random_crop every draw is the middle") {
  const Crop middle = centre_crop(wide_sample());
  CHECK(middle == Crop{.resized = {128, 64}, .left = 32, .top = 0, .size = {64, 64}});
  for (const Crop& crop : draws(wide_sample(), {.enable_bucket = true}, {})) CHECK(crop == middle);
}

TEST_CASE("random_crop with buckets cuts every place of the resized picture, without buckets of the picture itself") {
  SubsetOptions random;
  random.random_crop = true;
  std::set<int> lefts;
  for (const Crop& crop : draws(wide_sample(), {.enable_bucket = true}, random)) {
    CHECK(crop.resized == Size{128, 64});
    CHECK(crop.top == 0);
    lefts.insert(crop.left);
  }
  CHECK(*lefts.begin() == 0);
  CHECK(*lefts.rbegin() == 64);
  CHECK(lefts.size() > 40);
  std::set<int> tops;
  for (const Crop& crop : draws(wide_sample(), {.enable_bucket = false}, random)) {
    CHECK(crop.resized == Size{200, 100});
    CHECK(crop.left + 64 <= 200);
    tops.insert(crop.top);
  }
  CHECK(*tops.rbegin() == 36);
  Sample small = wide_sample();
  small.size = {40, 30};  // must be enlarged all the same
  for (const Crop& crop : draws(small, {.enable_bucket = false}, random)) CHECK(crop.resized == Size{128, 64});
}

TEST_CASE("a crop around a face holds it, at sizes of the range, and only without buckets") {
  SubsetOptions face;
  face.face_crop_aug_range = {2.0, 4.0};
  const Sample sample = wide_sample("my_cat_150_40_20_30.png");  // centre (150, 40), 20x30
  std::set<int> widths;
  for (const Crop& crop : draws(sample, {.enable_bucket = false}, face)) {
    const double scale = crop.resized.width / 200.0;
    // A face of 16 to 32 pixels; the picture of 100 pixels height cannot shrink below the 64 of the crop.
    CHECK(30 * scale >= 19);
    CHECK(30 * scale <= 30.5);
    CHECK(crop.left <= 150 * scale - 10 * scale);
    CHECK(crop.left + 64 >= 150 * scale + 10 * scale);
    CHECK(crop.left + 64 <= crop.resized.width);
    CHECK(crop.top >= 0);
    CHECK(crop.top + 64 <= crop.resized.height);
    widths.insert(crop.resized.width);
  }
  CHECK(widths.size() > 10);
  const Crop middle = centre_crop(sample);
  for (const Crop& crop : draws(sample, {.enable_bucket = true}, face)) CHECK(crop == middle);
  for (const Crop& crop : draws(wide_sample("a_cat_150_40_x_30.png"), {.enable_bucket = false}, face))
    CHECK(crop == middle);  // no face in the name
  face.random_crop = true;
  std::set<int> lefts;
  for (const Crop& crop : draws(sample, {.enable_bucket = false}, face)) {
    CHECK(crop.left >= 0);
    CHECK(crop.left + 64 <= crop.resized.width);
    lefts.insert(crop.left);
  }
  CHECK(lefts.size() > 30);
}

TEST_CASE("a picture that already has the training size is not cut around its face") {
  SubsetOptions face;
  face.face_crop_aug_range = {1.0, 1.0};
  Sample sample = wide_sample("a_b_10_10_8_8.png");
  sample.size = {64, 64};
  Rng rng(1, purpose::crop);
  CHECK(choose_crop(sample, {.enable_bucket = false}, face, rng) ==
        Crop{.resized = {64, 64}, .left = 0, .top = 0, .size = {64, 64}});
}

TEST_CASE("color_aug changes one picture in three, never its alpha, and little") {
  int changed = 0;
  for (uint64_t i = 0; i < 300; ++i) {
    const Image before = gradient(16, 8, 4);
    Image after = before;
    Rng rng(3, purpose::color, i);
    color_augment(after, rng);
    changed += before != after;
    for (size_t p = 3; p < before.pixels.size(); p += 4) REQUIRE(after.pixels[p] == before.pixels[p]);
  }
  CHECK(changed > 60);
  CHECK(changed < 130);

  // Greys have no hue, and a gamma leaves black and white as they are.
  for (uint64_t i = 0; i < 100; ++i) {
    Image grey{.width = 3, .height = 1, .channels = 3, .pixels = {0, 0, 0, 128, 128, 128, 255, 255, 255}};
    Rng rng(4, purpose::color, i);
    color_augment(grey, rng);
    CHECK(grey.pixels[0] == 0);
    CHECK(grey.pixels[8] == 255);
    CHECK(grey.pixels[3] >= 123);
    CHECK(grey.pixels[3] <= 133);
  }
}

TEST_CASE("augmented batches are a function of seed, epoch and draw, and differ between draws") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  folder.picture("2_cat/a.png", 100, 80, 1);
  folder.picture("2_cat/b.png", 90, 120, 2);
  DataDefaults defaults;
  defaults.dataset = {.resolution = Size{64, 64}, .batch_size = 2};
  defaults.subset.random_crop = defaults.subset.color_aug = defaults.subset.flip_aug = true;
  const TrainingData data = load_dataset(dataset_from_folders(folder.path(), "", defaults));
  const auto take = [&](uint64_t seed, int threads) {
    Loader loader(data, {.seed = seed, .threads = threads});
    std::vector<std::vector<float>> images;
    for (int i = 0; i < 8; ++i) images.push_back(loader.next().images);
    return images;
  };
  const auto images = take(5, 1);
  CHECK(images == take(5, 3));
  CHECK(images != take(6, 1));
  CHECK(std::set(images.begin(), images.end()).size() == images.size());
}

TEST_CASE("a mask picture is cut and mirrored with its picture, and masks that do not fit are faults") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  // The mask's red is the picture's red: they must stay together.
  const std::string picture = folder.picture("1_cat/a.png", 100, 80, 1);
  std::filesystem::create_directories(folder.path("masks"));
  std::filesystem::copy_file(picture, folder.path("masks/a.png"));
  DataDefaults defaults;
  defaults.dataset = {.resolution = Size{64, 64}, .batch_size = 1};
  defaults.subset.random_crop = defaults.subset.flip_aug = true;
  defaults.subset.conditioning_data_dir = folder.path("masks");
  const auto load = [&] {
    DatasetConfig config = dataset_from_folders(folder.path(), "", defaults);
    return load_dataset(config);
  };
  const TrainingData data = load();
  REQUIRE(data.has_mask(data.samples[0]));
  Loader loader(data, {.seed = 2});
  for (int i = 0; i < 6; ++i) {
    const Batch batch = loader.next();
    REQUIRE(batch.masks.size() == 64 * 64);
    for (size_t p = 0; p < batch.masks.size(); ++p)
      REQUIRE(batch.masks[p] == doctest::Approx(batch.images[p * 3] / 2 + 0.5));
  }
  const std::vector<float> mask = load_mask(data, 0, true), image = load_sample(data, 0, true);
  for (size_t p = 0; p < mask.size(); ++p) REQUIRE(mask[p] == doctest::Approx(image[p * 3] / 2 + 0.5));

  folder.picture("masks/a.png", 100, 81, 1);
  CHECK_THROWS_WITH(load(), doctest::Contains("the mask is 100x81, but its picture"));
  std::filesystem::rename(folder.path("masks/a.png"), folder.path("masks/b.png"));
  CHECK_THROWS_WITH(load(), doctest::Contains("a.png: no mask has its name in "));
}
