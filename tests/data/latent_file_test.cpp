#include "data/latent_file.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include "data/npz_arrays.h"
#include "data/temporary_folder.h"
#include "io/atomic_file.h"
#include "io/npz.h"

using namespace rankine;
using namespace rankine::test;

namespace {

LatentRecipe recipe() {
  return {.picture = std::string(64, 'a'),
          .vae = std::string(64, 'b'),
          .compute = DType::bf16,
          .size = {100, 90},
          .resized = {36, 32},
          .bucket = {32, 24}};
}

/// Of [3, 4, 4] latents, with all that may be beside them.
PictureLatents picture_latents() {
  PictureLatents p;
  for (int i = 0; i < 48; ++i) {
    p.latents.push_back(0.1f * static_cast<float>(i));
    p.flipped.push_back(-1.0f * static_cast<float>(i));
  }
  for (int i = 0; i < 32 * 24; ++i) p.alpha_mask.push_back(static_cast<float>(i % 255) / 255);
  return p;
}

constexpr LatentNeeds kAll = {.flipped = true, .alpha_mask = true};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("cache files lie where sd-scripts has them") {
  CHECK(latent_file_path("/pics/10_dog/rex.png", {96, 96}, {}) == "/pics/10_dog/rex_0096x0096_sd.npz");
  CHECK(latent_file_path("a.b.jpeg", {640, 12000}, {}) == "a.b_0640x12000_sd.npz");
  CHECK(old_latent_file_path("/pics/rex.png") == "/pics/rex.npz");
  CHECK(latent_suffix({640, 512}, {}) == "_64x80");
}

TEST_CASE("latents come back as they were written, under sd-scripts' names, shapes and types") {
  const TemporaryFolder folder;
  const std::string path = folder.path("p_0100x0090_sd.npz");
  const PictureLatents written = picture_latents();
  write_latent_file(path, recipe(), written);
  const LatentsRead read = read_latent_file(path, recipe(), kAll, false);
  REQUIRE_MESSAGE(read.latents, read.reason);
  CHECK(read.latents->latents == written.latents);
  CHECK(read.latents->flipped == written.flipped);
  CHECK(read.latents->alpha_mask == written.alpha_mask);

  const NpzFile file = NpzFile::open(path);
  const NpyArray latents = file.read("latents_3x4"), size = file.read("original_size_3x4"),
                 crop = file.read("crop_ltrb_3x4");
  CHECK(latents.dtype == DType::f32);
  CHECK(latents.shape == Shape{4, 3, 4});
  CHECK(latents.as_f32()[1] == written.latents[4]);  // the second place of the first channel
  CHECK(file.read("latents_flipped_3x4").shape == Shape{4, 3, 4});
  CHECK(file.read("alpha_mask_3x4").shape == Shape{24, 32});
  CHECK(size.dtype == DType::i64);
  CHECK(reinterpret_cast<const int64_t*>(size.bytes.data())[0] == 100);
  CHECK(reinterpret_cast<const int64_t*>(size.bytes.data())[1] == 90);
  CHECK(crop.dtype == DType::f64);
  CHECK(crop.shape == Shape{4});
  CHECK(file.read("rankine_provenance_3x4").dtype == DType::u8);  // numpy loads it without pickle
}

TEST_CASE("latents do not count when anything they were made from is another") {
  const TemporaryFolder folder;
  const std::string path = folder.path("p.npz");
  write_latent_file(path, recipe(), picture_latents());
  const std::pair<const char*, std::function<void(LatentRecipe&)>> changes[] = {
      {"picture has changed", [](LatentRecipe& r) { r.picture = std::string(64, 'c'); }},
      {"another VAE", [](LatentRecipe& r) { r.vae = std::string(64, 'c'); }},
      {"another type", [](LatentRecipe& r) { r.compute = DType::f32; }},
      {"picture has changed",
       [](LatentRecipe& r) {
         r.size = {90, 100};
       }},
      {"resized differently",
       [](LatentRecipe& r) {
         r.resized = {32, 32};
       }},
      {"resized differently", [](LatentRecipe& r) { r.interpolation = "area"; }},
      {"resized differently", [](LatentRecipe& r) { r.alpha = true; }},
      {"turned differently", [](LatentRecipe& r) { r.orientation = 3; }},
      {"another size",
       [](LatentRecipe& r) {
         r.bucket = {24, 32};
       }},
      {"another size",
       [](LatentRecipe& r) {
         r.bucket = {64, 64};
       }},
  };
  for (const auto& [reason, change] : changes) {
    CAPTURE(reason);
    LatentRecipe other = recipe();
    change(other);
    const LatentsRead read = read_latent_file(path, other, kAll, false);
    CHECK(!read.latents);
    CHECK(contains(read.reason, reason));
  }
}

TEST_CASE("what is not in the file, or was changed by another program, does not count") {
  const TemporaryFolder folder;
  const std::string path = folder.path("p.npz");
  PictureLatents plain = picture_latents();
  plain.flipped.clear();
  plain.alpha_mask.clear();
  write_latent_file(path, recipe(), plain);
  CHECK(read_latent_file(path, recipe(), {}, false).latents);
  CHECK(contains(read_latent_file(path, recipe(), {.flipped = true}, false).reason, "no mirrored latents"));
  CHECK(contains(read_latent_file(path, recipe(), {.alpha_mask = true}, false).reason, "no alpha mask"));

  const std::vector<float> others(48, 0.5f);
  rewrite(path, "latents_3x4", others, {4, 3, 4});  // as sd-scripts does, which keeps arrays it does not know
  CHECK(contains(read_latent_file(path, recipe(), {}, false).reason, "another program has changed it"));
  CHECK(read_latent_file(path, recipe(), {}, true).latents);
  rewrite(path, "rankine_provenance_3x4", {}, {});
  CHECK(contains(read_latent_file(path, recipe(), {}, false).reason, "does not tell"));
  const LatentsRead trusted = read_latent_file(path, recipe(), {}, true);
  REQUIRE(trusted.latents);
  CHECK(trusted.latents->latents == others);

  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> broken = others;
    broken[17] = bad;
    rewrite(path, "latents_3x4", broken, {4, 3, 4});
    CHECK(contains(read_latent_file(path, recipe(), {}, true).reason, "not finite"));
  }
  rewrite(path, "latents_3x4", others, {3, 4, 4});
  CHECK(contains(read_latent_file(path, recipe(), {}, true).reason, "another size"));
  rewrite(path, "latents_3x4", {}, {});
  CHECK(contains(read_latent_file(path, recipe(), {}, true).reason, "another size"));
  CHECK(contains(read_latent_file(folder.path("none.npz"), recipe(), {}, true).reason, "cannot open"));
}

TEST_CASE("latents of several sizes share a file, and one written anew leaves the others") {
  const TemporaryFolder folder;
  const std::string path = folder.path("p.npz");
  LatentRecipe small = recipe(), large = recipe();
  large.resized = large.bucket = {48, 32};
  PictureLatents of_small = picture_latents(), of_large;
  of_large.latents.assign(4 * 6 * 4, 2.5f);
  write_latent_file(path, small, of_small);
  write_latent_file(path, large, of_large);
  REQUIRE(read_latent_file(path, small, kAll, false).latents);
  REQUIRE(read_latent_file(path, large, {}, false).latents);
  CHECK(read_latent_file(path, large, {}, false).latents->latents == of_large.latents);
  CHECK(NpzFile::open(path).has("latents_4x6"));

  small.picture = std::string(64, 'd');
  of_small.latents[0] = 7;
  write_latent_file(path, small, of_small);
  CHECK(read_latent_file(path, small, kAll, false).latents->latents == of_small.latents);
  CHECK(read_latent_file(path, large, {}, false).latents);

  // sd-scripts keeps arrays that it does not know, and so do we.
  rewrite(path, "another", {1, 2}, {2});
  write_latent_file(path, small, of_small);
  CHECK(NpzFile::open(path).read("another").as_f32() == std::vector<float>{1, 2});

  write_file(path, "damaged");
  write_latent_file(path, small, of_small);
  CHECK(read_latent_file(path, small, kAll, false).latents);
}

TEST_CASE("a cache file cut short at any fiftieth of its length does not count, also where it is trusted") {
  const TemporaryFolder folder;
  const std::string path = folder.path("p.npz");
  write_latent_file(path, recipe(), picture_latents());
  const auto whole = std::filesystem::file_size(path);
  for (int part = 49; part >= 0; --part) {
    CAPTURE(part);
    std::filesystem::resize_file(path, whole * static_cast<size_t>(part) / 50);
    for (const bool trust : {false, true}) {
      const LatentsRead read = read_latent_file(path, recipe(), kAll, trust);
      CHECK(!read.latents);
      CHECK(!read.reason.empty());
    }
  }
}

TEST_CASE("names without a size count for the size of their latents, but not beside names with it") {
  const TemporaryFolder folder;
  const std::string path = folder.path("p.npz");
  const PictureLatents written = picture_latents();
  write_latent_file(path, recipe(), written);
  rename_arrays(path, "_3x4", "");
  const LatentsRead old = read_latent_file(path, recipe(), kAll, false);
  REQUIRE_MESSAGE(old.latents, old.reason);
  CHECK(old.latents->alpha_mask == written.alpha_mask);
  LatentRecipe other = recipe();
  other.resized = other.bucket = {48, 32};
  CHECK(contains(read_latent_file(path, other, {}, true).reason, "another size"));

  PictureLatents large;
  large.latents.assign(4 * 6 * 4, 2.5f);
  write_latent_file(path, other, large);
  CHECK(read_latent_file(path, recipe(), kAll, false).latents);  // still under its old names
  write_latent_file(path, recipe(), written);                    // which go with it
  const NpzFile file = NpzFile::open(path);
  CHECK(!file.has("latents"));
  CHECK(!file.has("alpha_mask"));
  CHECK(read_latent_file(path, other, {}, false).latents);
  rename_arrays(path, "latents_flipped_3x4", "latents_flipped");
  CHECK(contains(read_latent_file(path, recipe(), kAll, true).reason, "no mirrored latents"));
}
