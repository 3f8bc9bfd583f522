#pragma once
#include <array>
#include <compare>
#include <vector>

#include "base/latent_space.h"
#include "base/picture_sizes.h"

namespace rankine {

/// Settings of buckets. All lengths are in pixels.
struct BucketConfig {
  Size resolution{512, 512};  ///< its area is the upper limit of a bucket's area
  bool enable_bucket = true;  ///< false: the one bucket is `resolution`
  int min_bucket_reso = 256;
  int max_bucket_reso = 1024;
  int bucket_reso_steps = 64;
  bool bucket_no_upscale = false;
  LatentSpace latents{};
};

/// The place of a picture: it is resized to `resized`, then its middle is cut to `bucket`.
struct BucketChoice {
  Size bucket{};
  Size resized{};
  double ar_error = 0;  ///< width / height of the bucket minus that of the picture
};

/// Chooses buckets as Kohya's sd-scripts do, so that pictures are cut the same way.
class Buckets {
 public:
  /// Rounds min_bucket_reso down and max_bucket_reso up to bucket_reso_steps. Throws Error if a length is not positive
  /// or if the resolution does not lie between the two. With bucket_no_upscale min_bucket_reso may become 0.
  explicit Buckets(const BucketConfig& config);

  /// The config with min and max rounded.
  const BucketConfig& config() const { return config_; }
  /// Sorted by width, then height. Empty with bucket_no_upscale, where each picture makes its own bucket.
  const std::vector<Size>& sizes() const { return sizes_; }
  /// Throws Error if the picture is too small or too narrow for any bucket.
  BucketChoice select(Size picture) const;

 private:
  BucketChoice select_from_list(Size picture) const;
  BucketChoice select_without_upscale(Size picture) const;

  BucketConfig config_;
  std::vector<Size> sizes_;
};

/// The crop values that SDXL reads: left, top, right, bottom of the picture fitted inside the bucket. They are not the
/// cut pixels.
std::array<double, 4> crop_ltrb(Size bucket, Size picture);
/// The sizes that SDXL reads of a picture in its bucket; mirrored, the cut off part lies on the other side.
PictureSizes picture_sizes(Size bucket, Size picture, bool flipped);

}  // namespace rankine
