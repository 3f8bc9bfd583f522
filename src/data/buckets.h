#pragma once
#include <array>
#include <compare>
#include <vector>

#include "base/latent_space.h"

namespace rankine {

/// Which shapes pictures may be trained in. All lengths in pixels.
struct BucketConfig {
  Size resolution{512, 512};  ///< its area is the upper limit of a bucket's area
  bool enable_bucket = true;  ///< false: the one bucket is `resolution`
  int min_bucket_reso = 256;
  int max_bucket_reso = 1024;
  int bucket_reso_steps = 64;
  bool bucket_no_upscale = false;
  LatentSpace latents{};
};

/// Where one picture goes: it is resized to `resized`, then its middle is cut to `bucket`.
struct BucketChoice {
  Size bucket{};
  Size resized{};
  double ar_error = 0;  ///< width / height of the bucket minus that of the picture
};

/// Chooses buckets as Kohya's sd-scripts do, so that the same pictures are cut the same way.
class Buckets {
 public:
  /// Rounds min_bucket_reso down and max_bucket_reso up to bucket_reso_steps. Throws Error when a length is not
  /// positive or when the resolution does not lie between the two.
  explicit Buckets(const BucketConfig& config);

  /// The config with min and max rounded.
  const BucketConfig& config() const { return config_; }
  /// Sorted by width, then height. Empty with bucket_no_upscale: there each picture makes its own bucket.
  const std::vector<Size>& sizes() const { return sizes_; }
  /// Throws Error when the picture is too small or too narrow for any bucket.
  BucketChoice select(Size picture) const;

 private:
  BucketChoice select_from_list(Size picture) const;
  BucketChoice select_without_upscale(Size picture) const;

  BucketConfig config_;
  std::vector<Size> sizes_;
};

/// What SDXL is told of the crop: left, top, right, bottom of the picture fitted inside the bucket. Not the pixels that
/// are cut.
std::array<double, 4> crop_ltrb(Size bucket, Size picture);

}  // namespace rankine
