#include "data/preview.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <span>

#include "base/error.h"

namespace rankine {
namespace {

/// Turns the network's input back into a picture.
Image picture_of(const Batch& batch, size_t element) {
  const auto [width, height] = batch.bucket;
  Image image{.width = width, .height = height};
  const size_t count = static_cast<size_t>(width) * height * 3;
  const float* values = batch.images.data() + element * count;
  for (size_t i = 0; i < count; ++i)
    image.pixels.push_back(static_cast<uint8_t>(std::lround(std::clamp(values[i] * 0.5f + 0.5f, 0.0f, 1.0f) * 255)));
  return image;
}

std::string notes_of(const Batch& batch, size_t element, const Sample& sample, int64_t tokens, int limit) {
  std::string notes =
      concat_text(batch.bucket.width, "x", batch.bucket.height, " of ", sample.size.width, "x", sample.size.height,
                  ", ", tokens, tokens > limit ? concat_text(" of ", limit) : "", " tokens");
  if (batch.flipped[element]) notes += ", mirrored";
  if (sample.orientation != 1) notes += ", turned";
  if (sample.is_reg) notes += ", regularisation";
  return notes;
}

PreviewPicture preview_of(const TrainingData& data, const Batch& batch, size_t element, const TokenLimit& limit) {
  const Sample& sample = data.samples[batch.samples[element]];
  PreviewPicture preview{.file = sample.path, .caption = batch.captions[element]};
  SheetPicture& shown = preview.shown;
  shown.picture = picture_of(batch, element);
  const size_t pixels = static_cast<size_t>(batch.bucket.width) * batch.bucket.height;
  if (data.has_mask(sample)) {
    const auto mask = std::span(batch.masks).subspan(element * pixels, pixels);
    // A mask of ones needs no drawing.
    if (std::ranges::any_of(mask, [](float factor) { return factor != 1; }))
      shown.mask.assign(mask.begin(), mask.end());
  }
  const std::filesystem::path path = sample.path;
  shown.title = (path.parent_path().filename() / path.filename()).string();
  shown.caption = std::string(limit.read_part(preview.caption));
  shown.unread = preview.caption.substr(shown.caption.size());
  shown.notes = notes_of(batch, element, sample, limit.tokens_of(preview.caption), limit.limit());
  return preview;
}

}  // namespace

std::vector<PreviewPicture> preview_pictures(const TrainingData& data, LoaderConfig config, int count,
                                             const TokenLimit& limit) {
  check(count > 0, "a preview shows at least one picture, got ", count);
  config.decode_images = true;
  config.first_batch = 0;
  config.end_batch = data.batches_per_epoch();
  Loader loader(data, config);
  std::vector<PreviewPicture> previews;
  std::set<int> seen;
  while (loader.has_next() && static_cast<int>(previews.size()) < count) {
    const Batch batch = loader.next();
    for (size_t i = 0; i < batch.samples.size() && static_cast<int>(previews.size()) < count; ++i)
      if (seen.insert(batch.samples[i]).second) previews.push_back(preview_of(data, batch, i, limit));
  }
  return previews;
}

}  // namespace rankine
