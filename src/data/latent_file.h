#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "data/buckets.h"

namespace rankine {

/// The sources of a picture's latents: the same recipe gives the same latents in every run, with every seed.
struct LatentRecipe {
  std::string picture{};        ///< SHA-256 of the file
  std::string vae{};            ///< digest of the encoder's weights
  DType compute = DType::f32;   ///< of the encoder
  Size size{};                  ///< of the picture
  Size resized{};               ///< before the centre crop
  Size bucket{};                ///< after it
  LatentSpace latents{};        ///< of the encoder
  std::string interpolation{};  ///< as given; empty: area down, lanczos up
  int orientation = 1;          ///< EXIF's, by which the picture was turned first
  bool alpha = false;           ///< resized with its alpha, by which lanczos weighs the colours

  /// "picture 3f0c...\nvae 81aa...\n...": one property a line.
  std::string text() const;
};

/// The latents of one picture in one size, before LatentSpace::scale.
struct PictureLatents {
  std::vector<float> latents{};     ///< [h, w, channels]
  std::vector<float> flipped{};     ///< of the mirrored picture; empty where none are needed
  std::vector<float> alpha_mask{};  ///< of the bucket's pixels, in [0, 1]; empty if none is needed
};

/// Which of them a run needs beside the latents.
struct LatentNeeds {
  bool flipped = false;
  bool alpha_mask = false;
};

/// `picture` of `size` -> FOLDER/STEM_0640x0480_sd.npz, where sd-scripts keeps the latents of such models.
std::string latent_file_path(const std::string& picture, Size size, const LatentSpace& latents);
/// FOLDER/STEM.npz, the place in older versions of sd-scripts.
std::string old_latent_file_path(const std::string& picture);

/// Latents as read, or the reason why they are invalid: "its picture has changed".
struct LatentsRead {
  std::optional<PictureLatents> latents{};
  std::string reason{};  ///< empty where they count
};

/// Reads the latents of `recipe.bucket` from a cache file: sd-scripts' arrays "latents", "latents_flipped" and
/// "alpha_mask", with latent_suffix at their names' ends. Only a file without such latents may have names without it,
/// as older versions wrote them. They count when
/// - the file is whole, and the arrays have the right shapes, no value is NaN or infinite, and
/// - "rankine_provenance" beside them tells this recipe and these arrays' digest. `trust` leaves this out, and then
///   only the recipe's bucket is read.
LatentsRead read_latent_file(const std::string& path, const LatentRecipe& recipe, LatentNeeds needs, bool trust);

/// Writes a cache file atomically, in sd-scripts' form of 2026. Other arrays of a file that is there stay: they belong
/// to other sizes. Throws FileError if the disk refuses.
void write_latent_file(const std::string& path, const LatentRecipe& recipe, const PictureLatents& latents);

/// "_64x48": height and width of the latents, with which sd-scripts separates several sizes in one file.
std::string latent_suffix(Size bucket, const LatentSpace& latents);

}  // namespace rankine
