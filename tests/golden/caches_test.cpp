#include <doctest/doctest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "data/latent_file.h"
#include "data/resize.h"
#include "golden/golden_model.h"
#include "io/npz.h"
#include "step/latent_encoder.h"
#include "support/accounting.h"

using namespace rankine;
using namespace rankine::golden;
namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr double kTolerance = 2e-5;  // that of the VAE's recorded outputs

/// The picture's place in the bucket that is recorded for it.
BucketChoice placed(Size picture, Size bucket) {
  return Buckets({.resolution = bucket, .enable_bucket = false}).select(picture);
}

/// The reason why a cache can't be compared; empty where it can.
std::string reason_to_skip_cache(const Json& entry) {
  const std::string reason = reason_to_skip(entry.at("model").get<std::string>());
  if (!reason.empty()) return reason;
  if (!entry.contains("image")) return "no latents";
  const auto name = entry.at("file").get<std::string>();
  const fs::path folder = reference_folder(), noise = folder / "caches" / "vae_noise.safetensors";
  if (!fs::exists(folder / "caches" / name)) return "no file";
  if (!fs::exists(folder / "images" / entry.at("image").get<std::string>())) return "no picture";
  if (!fs::exists(noise) || !SafetensorsFile::open(noise.string()).find(name + ".noise")) return "no noise";
  return "";
}

/// The latents of a picture in its bucket, made from it with the recorded random numbers.
PictureLatents made(const Json& entry, GoldenModel& model) {
  const Size bucket = {entry.at("bucket")[0], entry.at("bucket")[1]};
  const bool has_alpha = entry.at("alpha_mask");
  const std::string picture = reference_file("images/" + entry.at("image").get<std::string>()).string();
  const Image original = read_image(picture, has_alpha ? Alpha::require : Alpha::drop);
  const Size resized = placed({original.width, original.height}, bucket).resized;
  const Image image = centre_crop(resize(original, resized, Interpolation::automatic), bucket);
  const SafetensorsFile noises = SafetensorsFile::open(reference_file("caches/vae_noise.safetensors").string());
  LatentEncoder encoder(find_backend("cpu"), model.constants(), {model.model(), DType::f32});
  PictureLatents out;
  for (const bool flipped : {false, true}) {
    if (flipped && !entry.at("flip_aug").get<bool>()) break;
    std::vector<float> input(static_cast<size_t>(bucket.width * bucket.height * 3));
    to_network_input(image, flipped, input.data());
    const std::vector<float> noise =
        nhwc_from_nchw(noises.read_f32(entry.at("file").get<std::string>() + (flipped ? ".noise_flipped" : ".noise")),
                       {1, 4, bucket.height / 8, bucket.width / 8});
    (flipped ? out.flipped : out.latents) = sample_latents(encoder.encode(bucket, input), noise, 4, picture);
  }
  if (has_alpha)
    for (size_t i = 3; i < image.pixels.size(); i += 4)
      out.alpha_mask.push_back(static_cast<float>(image.pixels[i]) / 255.0f);
  return out;
}

void check_cache(const Json& entry, GoldenModel& model) {
  const auto name = entry.at("file").get<std::string>();
  const fs::path recorded = reference_file("caches/" + name);
  LatentRecipe recipe;
  recipe.bucket = {entry.at("bucket")[0], entry.at("bucket")[1]};
  recipe.latents = model.model()->latents();
  const ImageSize size = read_image_size(reference_file("images/" + entry.at("image").get<std::string>()).string());
  recipe.size = {size.width, size.height};
  recipe.resized = placed(recipe.size, recipe.bucket).resized;
  CHECK(fs::path(latent_file_path(entry.at("image"), recipe.size, recipe.latents)).filename() == name);

  const LatentNeeds needs = {.flipped = entry.at("flip_aug"), .alpha_mask = entry.at("alpha_mask")};
  const LatentsRead read = read_latent_file(recorded.string(), recipe, needs, true);
  REQUIRE_MESSAGE(read.latents, read.reason);
  const PictureLatents ours = made(entry, model);
  CHECK(max_error(ours.latents, read.latents->latents) < kTolerance);
  CHECK(ours.alpha_mask == read.latents->alpha_mask);
  REQUIRE(ours.flipped.size() == read.latents->flipped.size());
  if (needs.flipped) CHECK(max_error(ours.flipped, read.latents->flipped) < kTolerance);

  // Our file has the same arrays, and one more. Since the recording sd-scripts has put the size behind every name.
  const fs::path folder = fs::temp_directory_path() / ("rankine-caches-" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string path = (folder / name).string();
  const NpzFile there = NpzFile::open(recorded.string());
  const std::string suffix = latent_suffix(recipe.bucket, recipe.latents);
  write_latent_file(path, recipe, *read.latents);
  const NpzFile here = NpzFile::open(path);
  CHECK(here.names().size() == there.names().size() + 1);
  for (const std::string& array : there.names()) {
    CAPTURE(array);
    const std::string name = array.ends_with(suffix) ? array : array + suffix;
    REQUIRE(here.has(name));
    const NpyArray a = here.read(name), b = there.read(array);
    CHECK(a.dtype == b.dtype);
    CHECK(a.shape == b.shape);
    CHECK(a.bytes == b.bytes);
    CHECK(entry.at("arrays").contains(array));
  }
  fs::remove_all(folder);
  ran("caches." + name);
}

}  // namespace

TEST_CASE("sd-scripts' latent caches are read, made and written as recorded") {
  std::map<std::string, std::unique_ptr<GoldenModel>> models;
  const Json table = read_reference_json("caches.json");
  for (const Json& entry : table) {
    const auto name = entry.at("file").get<std::string>(), model = entry.at("model").get<std::string>();
    CAPTURE(name);
    if (const std::string reason = reason_to_skip_cache(entry); !reason.empty()) {
      skipped("caches." + name, reason);
      continue;
    }
    if (!models.contains(model)) models[model] = std::make_unique<GoldenModel>(model_layout(model));
    check_cache(entry, *models[model]);
  }
}
