#pragma once
#include <string>
#include <vector>

#include "data/contact_sheet.h"
#include "data/loader.h"
#include "data/token_limit.h"

namespace rankine {

/// One use of a picture in the first epoch, as the network sees it.
struct PreviewPicture {
  std::string file{};
  SheetPicture shown{};
  std::string caption{};  ///< the whole caption
};

/// The first `count` pictures of the first epoch, each once, in the order of the batches: cut, resized, mirrored and
/// augmented, with their captions, as the loader makes them for training.
std::vector<PreviewPicture> preview_pictures(const TrainingData& data, LoaderConfig loader, int count,
                                             const TokenLimit& limit);

}  // namespace rankine
