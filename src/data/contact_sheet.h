#pragma once
#include <span>
#include <string>
#include <vector>

#include "io/image.h"

namespace rankine {

/// A picture of a contact sheet with its texts.
struct SheetPicture {
  Image picture{};
  std::vector<float> mask{};  ///< [height, width] in [0, 1], shown beside the picture; empty: none
  std::string title{};
  std::string notes{};    ///< a line below the title
  std::string caption{};  ///< the part of the caption that the text encoder reads
  std::string unread{};   ///< the rest of the caption
};

/// Draws pictures in rows, each with its texts below it. Large pictures are reduced to fit, small ones enlarged by
/// whole factors.
Image draw_contact_sheet(std::span<const SheetPicture> pictures, const std::string& heading);

}  // namespace rankine
