#include "data/latent_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "data/cache_provenance.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "io/sha256.h"

namespace rankine {
namespace {

constexpr const char* kLatents = "latents";
constexpr const char* kFlipped = "latents_flipped";
constexpr const char* kAlphaMask = "alpha_mask";
constexpr const char* kOriginalSize = "original_size";
constexpr const char* kCrop = "crop_ltrb";
/// Every array of one size.
constexpr const char* kNames[] = {kLatents, kOriginalSize, kCrop, kFlipped, kAlphaMask, kProvenance};

constexpr ProvenanceLine provenance_lines[] = {
    {"recipe", "another version of Rankine made it"},
    {"picture", "its picture has changed"},
    {"vae", "another VAE made it"},
    {"compute", "it was computed in another type"},
    {"size", "its picture has changed"},
    {"resized", "the picture is resized differently"},
    {"bucket", "it was made for another size"},
    {"interpolation", "the picture is resized differently"},
    {"alpha", "the picture is resized differently"},
    {"orientation", "the picture is turned differently"},
    {"arrays", "another program has changed it"},
};

std::string text_of(Size size) { return concat_text(size.width, 'x', size.height); }

/// [a, b] -> [b, a]; latents are [h*w, channels] here and [channels, h*w] in the file.
std::vector<float> transposed(const std::vector<float>& values, size_t rows) {
  const size_t columns = values.size() / rows;
  std::vector<float> out(values.size());
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) out[c * rows + r] = values[r * columns + c];
  return out;
}

/// The arrays of one size as they stand in the file.
struct FileArrays {
  std::vector<float> latents, flipped;  // [channels, h, w]
  std::vector<float> alpha_mask;        // of pixels

  std::string digest() const {
    Sha256 hash;
    for (const auto* values : {&latents, &flipped, &alpha_mask}) {
      const uint64_t count = values->size();
      hash.update(std::as_bytes(std::span(&count, 1)));
      hash.update(std::as_bytes(std::span(*values)));
    }
    return hash.hex();
  }
};

std::string provenance(const LatentRecipe& recipe, const FileArrays& arrays) {
  return recipe.text() + "arrays " + arrays.digest() + "\n";
}

std::vector<float> read_array(const NpzFile& file, const std::string& name, const Shape& shape) {
  const NpyArray array = file.read(name);
  check(array.shape == shape, "it was made for another size");
  std::vector<float> values = array.as_f32();
  check(std::ranges::all_of(values, [](float x) { return std::isfinite(x); }), "\"", name,
        "\" in it has values that are not finite");
  return values;
}

/// Throws Error with the reason if the arrays with `suffix` are not valid.
PictureLatents read_entry(const NpzFile& file, const std::string& suffix, const LatentRecipe& recipe, LatentNeeds needs,
                          bool trust) {
  const Size size = recipe.latents.of(recipe.bucket);
  const int64_t channels = recipe.latents.channels;
  const Shape shape = {channels, size.height, size.width}, pixels = {recipe.bucket.height, recipe.bucket.width};
  const auto has = [&](const char* name) { return file.has(name + suffix); };
  FileArrays arrays;
  arrays.latents = read_array(file, kLatents + suffix, shape);
  check(!needs.flipped || has(kFlipped), "it has no mirrored latents");
  check(!needs.alpha_mask || has(kAlphaMask), "it has no alpha mask");
  if (has(kFlipped)) arrays.flipped = read_array(file, kFlipped + suffix, shape);
  if (has(kAlphaMask)) arrays.alpha_mask = read_array(file, kAlphaMask + suffix, pixels);
  if (!trust) {
    check(has(kProvenance), "it does not tell its picture and its VAE, as files of other programs never do");
    check_provenance(file.read(kProvenance + suffix), provenance(recipe, arrays), provenance_lines);
  }
  PictureLatents out{.latents = transposed(arrays.latents, static_cast<size_t>(channels))};
  if (needs.flipped) out.flipped = transposed(arrays.flipped, static_cast<size_t>(channels));
  if (needs.alpha_mask) out.alpha_mask = std::move(arrays.alpha_mask);
  return out;
}

std::filesystem::path without_extension(const std::string& picture) {
  return std::filesystem::path(picture).replace_extension();
}

/// "0096": at least four digits.
std::string four_digits(int value) {
  const std::string digits = std::to_string(value);
  return std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

/// The arrays of a cache file that stay when those with `suffix` are written; none if it cannot be read.
std::vector<std::pair<std::string, NpyArray>> kept_arrays(const std::string& path, const std::string& suffix,
                                                          const Shape& latents) {
  std::vector<std::pair<std::string, NpyArray>> arrays;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return arrays;
  try {
    const NpzFile file = NpzFile::open(path);
    const bool replaces_bare = file.has(kLatents) && file.read(kLatents).shape == latents;
    for (const std::string& name : file.names()) {
      const bool replaced = std::ranges::any_of(
          kNames, [&](const char* known) { return name == known + suffix || (replaces_bare && name == known); });
      if (!replaced) arrays.emplace_back(name, file.read(name));
    }
  } catch (const Error&) {
    arrays.clear();  // damaged: reading it reported that, and it is made anew
  }
  return arrays;
}

}  // namespace

std::string LatentRecipe::text() const {
  return concat_text("recipe 1\npicture ", picture, "\nvae ", vae, "\ncompute ", compute, "\nsize ", text_of(size),
                     "\nresized ", text_of(resized), "\nbucket ", text_of(bucket), "\ninterpolation ",
                     interpolation.empty() ? "automatic" : interpolation, "\nalpha ", alpha, "\n",
                     orientation == 1 ? "" : concat_text("orientation ", orientation, "\n"));
}

std::string latent_file_path(const std::string& picture, Size size, const LatentSpace& latents) {
  return without_extension(picture).string() + "_" + four_digits(size.width) + "x" + four_digits(size.height) +
         std::string(latents.file_ending);
}

std::string old_latent_file_path(const std::string& picture) { return without_extension(picture).string() + ".npz"; }

std::string latent_suffix(Size bucket, const LatentSpace& latents) {
  const Size size = latents.of(bucket);
  return concat_text('_', size.height, 'x', size.width);
}

LatentsRead read_latent_file(const std::string& path, const LatentRecipe& recipe, LatentNeeds needs, bool trust) {
  LatentsRead read;
  try {
    const NpzFile file = NpzFile::open(path);
    read.reason = "it was made for another size";
    const std::string with_size = latent_suffix(recipe.bucket, recipe.latents);
    const std::string suffix = file.has(kLatents + with_size) ? with_size : "";
    if (file.has(kLatents + suffix)) {
      read.latents = read_entry(file, suffix, recipe, needs, trust);
      read.reason.clear();
    }
  } catch (const Error& error) {
    read.reason = error.what();
  }
  // Readers name the file themselves; the report groups files with the same fault.
  if (read.reason.starts_with(path + ": ")) read.reason.erase(0, path.size() + 2);
  return read;
}

void write_latent_file(const std::string& path, const LatentRecipe& recipe, const PictureLatents& latents) {
  const std::string suffix = latent_suffix(recipe.bucket, recipe.latents);
  const Size latent_size = recipe.latents.of(recipe.bucket);
  const Shape shape = {recipe.latents.channels, latent_size.height, latent_size.width};
  const auto places = static_cast<size_t>(int64_t{latent_size.height} * latent_size.width);
  FileArrays arrays{.latents = transposed(latents.latents, places),
                    .flipped = latents.flipped.empty() ? std::vector<float>{} : transposed(latents.flipped, places),
                    .alpha_mask = latents.alpha_mask};
  const std::array<int64_t, 2> size = {recipe.size.width, recipe.size.height};
  const std::array<double, 4> crop = crop_ltrb(recipe.bucket, recipe.size);
  const std::string recorded = provenance(recipe, arrays);

  std::vector<NpyToWrite> all;
  const auto add = [&](const char* name, DType dtype, Shape shape, auto values) {
    all.push_back({name + suffix, dtype, std::move(shape), std::as_bytes(values)});
  };
  add(kLatents, DType::f32, shape, std::span<const float>(arrays.latents));
  add(kOriginalSize, DType::i64, {2}, std::span<const int64_t>(size));
  add(kCrop, DType::f64, {4}, std::span<const double>(crop));
  if (!arrays.flipped.empty()) add(kFlipped, DType::f32, shape, std::span<const float>(arrays.flipped));
  if (!arrays.alpha_mask.empty())
    add(kAlphaMask, DType::f32, {recipe.bucket.height, recipe.bucket.width}, std::span<const float>(arrays.alpha_mask));
  add(kProvenance, DType::u8, {static_cast<int64_t>(recorded.size())}, std::span<const char>(recorded));
  const auto kept = kept_arrays(path, suffix, shape);
  for (const auto& [name, array] : kept) all.push_back({name, array.dtype, array.shape, array.bytes});

  AtomicFile file(path);
  file.write(serialize_npz(all));
  file.commit(Flush::none);  // it can be made again
}

}  // namespace rankine
