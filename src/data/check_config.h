#pragma once
#include "text/clip_tokenizer.h"

namespace rankine {

/// Settings of the check of files before training.
struct CheckConfig {
  /// Decode every picture. Otherwise only headers and containers are read, which finds nearly all
  /// damage.
  bool decode = false;
  bool skip_broken_images = false;                  ///< leave out pictures that would be errors
  bool apply_exif_orientation = false;              ///< turn pictures by their EXIF data; sd-scripts does not
  int max_token_length = TokenChunks::text_length;  ///< warn of longer captions: 75, 150 or 225
  bool weighted_captions = false;                   ///< "(word:1.2)" in captions is a weight

  /// True if pictures are decoded: batches can only be counted once all left-out pictures are known.
  bool decodes() const { return decode || skip_broken_images; }
};

}  // namespace rankine
