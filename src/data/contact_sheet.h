#pragma once
#include <span>
#include <string>
#include <vector>

#include "io/image.h"

namespace rankine {

/// One picture of a contact sheet.
struct SheetPicture {
  Image picture{};
  std::vector<float> mask{};  ///< [height, width] in [0, 1], shown beside the picture; empty: none
  std::string title{};
  std::string notes{};    ///< a line below the title
  std::string caption{};  ///< what the text encoder reads
  std::string unread{};   ///< what of the caption it does not
};

/// Pictures in rows, each with its texts below it. Pictures are made smaller to fit, small ones larger by whole
/// factors.
Image draw_contact_sheet(std::span<const SheetPicture> pictures, const std::string& heading);

}  // namespace rankine
