#include "data/buckets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

#include "base/error.h"

namespace rankine {
namespace {

double ratio(Size size) { return static_cast<double>(size.width) / size.height; }

/// Of a side of a bucket. No memory holds a step in this size; the table of larger ones would not fit either.
constexpr int kLongestSide = 1 << 15;

int rounded(double length) { return static_cast<int>(length + 0.5); }

int64_t area(Size size) { return static_cast<int64_t>(size.width) * size.height; }

std::vector<Size> bucket_list(const BucketConfig& config) {
  const int step = config.bucket_reso_steps;
  const int64_t max_area = area(config.resolution);
  std::set<Size> sizes;
  const int square = static_cast<int>(std::floor(std::sqrt(static_cast<double>(max_area)) / step)) * step;
  sizes.insert({square, square});
  for (int width = config.min_bucket_reso; width <= config.max_bucket_reso; width += step) {
    const int64_t fitting = max_area / width / step * step;
    const int height = static_cast<int>(std::min<int64_t>(config.max_bucket_reso, fitting));
    if (height < config.min_bucket_reso) continue;
    sizes.insert({width, height});
    sizes.insert({height, width});
  }
  return {sizes.begin(), sizes.end()};
}

}  // namespace

Buckets::Buckets(const BucketConfig& config) : config_(config) {
  const auto [width, height] = config_.resolution;
  check(width > 0 && height > 0, "resolution must be positive, got ", width, ",", height);
  const int longest = std::max({width, height, config_.enable_bucket ? config_.max_bucket_reso : 0,
                                config_.enable_bucket ? config_.bucket_reso_steps : 0});
  check(longest <= kLongestSide, "resolution, max_bucket_reso and bucket_reso_steps must be at most ", kLongestSide,
        ", got ", longest);
  if (!config_.enable_bucket) {
    const int stride = config_.latents.stride;
    check(width % stride == 0 && height % stride == 0,
          "without enable_bucket the sides of resolution must be multiples of ", stride, ", got ", width, ",", height,
          "; the nearest below is ", width / stride * stride, ",", height / stride * stride);
    sizes_ = {config_.resolution};
    return;
  }
  const int step = config_.bucket_reso_steps;
  check(step > 0, "bucket_reso_steps must be positive, got ", step);
  check(step % config_.latents.bucket_step == 0, "bucket_reso_steps must be a multiple of ",
        config_.latents.bucket_step, " for this model's latents, got ", step);
  check(config.min_bucket_reso >= 0 && config.max_bucket_reso > 0,
        "min_bucket_reso and max_bucket_reso must be positive, got ", config.min_bucket_reso, " and ",
        config.max_bucket_reso);
  config_.min_bucket_reso -= config_.min_bucket_reso % step;
  // Without upscaling a picture's size alone makes its bucket.
  check(config_.min_bucket_reso > 0 || config_.bucket_no_upscale, "min_bucket_reso ", config.min_bucket_reso,
        " is smaller than bucket_reso_steps ", step, ": no bucket can be that small");
  config_.max_bucket_reso = (config_.max_bucket_reso + step - 1) / step * step;
  check(std::min(width, height) >= config_.min_bucket_reso, "min_bucket_reso ", config_.min_bucket_reso,
        " is larger than the resolution ", width, ",", height, ": lower min_bucket_reso or raise resolution");
  check(std::max(width, height) <= config_.max_bucket_reso, "max_bucket_reso ", config_.max_bucket_reso,
        " is smaller than the resolution ", width, ",", height, ": raise max_bucket_reso or lower resolution");
  if (!config_.bucket_no_upscale) sizes_ = bucket_list(config_);
}

BucketChoice Buckets::select(Size picture) const {
  check(picture.width > 0 && picture.height > 0, "a picture of ", picture.width, "x", picture.height, " has no pixels");
  return sizes_.empty() ? select_without_upscale(picture) : select_from_list(picture);
}

BucketChoice Buckets::select_from_list(Size picture) const {
  const double picture_ratio = ratio(picture);
  Size bucket = sizes_.front();
  if (std::ranges::binary_search(sizes_, picture)) {
    bucket = picture;
  } else {
    // min_element keeps the first of equals, as the reference does.
    bucket = *std::ranges::min_element(sizes_, {}, [&](Size s) { return std::abs(ratio(s) - picture_ratio); });
  }
  const double scale = picture_ratio > ratio(bucket) ? static_cast<double>(bucket.height) / picture.height
                                                     : static_cast<double>(bucket.width) / picture.width;
  return {bucket, {rounded(picture.width * scale), rounded(picture.height * scale)}, ratio(bucket) - picture_ratio};
}

BucketChoice Buckets::select_without_upscale(Size picture) const {
  const int step = config_.bucket_reso_steps;
  const double picture_ratio = ratio(picture);
  const auto to_step = [&](double length) { return rounded(length) / step * step; };
  const auto refuse = [&] {
    fail("a picture of ", picture.width, "x", picture.height,
         " makes a bucket side shorter than bucket_reso_steps = ", step,
         ": leave it out, lower bucket_reso_steps, or train without bucket_no_upscale");
  };

  Size resized = picture;
  if (area(picture) > area(config_.resolution)) {
    const double max_area = static_cast<double>(area(config_.resolution));
    const double width = std::sqrt(max_area * picture_ratio);
    const double height = max_area / width;
    // One side is rounded to the step and the other follows it; the pair nearer to the picture's shape is taken.
    const int by_width = to_step(width), height_of_it = to_step(by_width / picture_ratio);
    const int by_height = to_step(height), width_of_it = to_step(by_height * picture_ratio);
    if (height_of_it == 0 || by_height == 0) refuse();
    const double width_error = std::abs(ratio({by_width, height_of_it}) - picture_ratio);
    const double height_error = std::abs(ratio({width_of_it, by_height}) - picture_ratio);
    if (width_error < height_error) {
      resized = {by_width, rounded(by_width / picture_ratio)};
    } else {
      resized = {rounded(by_height * picture_ratio), by_height};
    }
  }
  const Size bucket{resized.width / step * step, resized.height / step * step};
  if (bucket.width == 0 || bucket.height == 0) refuse();
  return {bucket, resized, ratio(bucket) - picture_ratio};
}

std::array<double, 4> crop_ltrb(Size bucket, Size picture) {
  const double picture_ratio = ratio(picture);
  double width = bucket.width, height = bucket.height;
  if (ratio(bucket) > picture_ratio) {
    width = height * picture_ratio;
  } else {
    height = width / picture_ratio;
  }
  const double left = std::floor((bucket.width - width) / 2);
  const double top = std::floor((bucket.height - height) / 2);
  return {left, top, left + width, top + height};
}

PictureSizes picture_sizes(Size bucket, Size picture, bool flipped) {
  const auto [left, top, right, bottom] = crop_ltrb(bucket, picture);
  return {.original = picture,
          .crop_left = static_cast<int>(flipped ? bucket.width - right : left),
          .crop_top = static_cast<int>(top),
          .target = bucket};
}

}  // namespace rankine
