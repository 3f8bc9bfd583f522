#pragma once

namespace rankine {

/// How files are looked at before training, and what becomes of broken ones.
struct CheckConfig {
  /// Every picture is decoded; otherwise only headers and containers are read, which finds nearly all that is cut short
  /// or damaged.
  bool decode = false;
  bool skip_broken_images = false;      ///< pictures that cannot be trained on are left out instead of being errors
  bool apply_exif_orientation = false;  ///< turn pictures as their EXIF data say; sd-scripts does not
  int max_token_length = 75;            ///< longer captions are warned of: 75, 150 or 225
  bool weighted_captions = false;       ///< "(word:1.2)" in captions is a weight

  /// Whether a picture is left out must be known before batches are counted.
  bool decodes() const { return decode || skip_broken_images; }
};

}  // namespace rankine
