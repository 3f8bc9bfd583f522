#include "data/preview.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "io/canvas.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

/// Pictures of two shapes with flips and shuffled captions.
TrainingData load(const TemporaryFolder& folder, bool alpha_mask = false) {
  log::set_level(log::Level::error);
  DataDefaults defaults;
  defaults.dataset = {.resolution = Size{64, 64},
                      .batch_size = 2,
                      .enable_bucket = true,
                      .min_bucket_reso = 32,
                      .max_bucket_reso = 128,
                      .bucket_reso_steps = 32};
  defaults.subset.caption_extension = ".txt";
  defaults.subset.flip_aug = true;
  defaults.subset.alpha_mask = alpha_mask;
  defaults.subset.caption.shuffle = true;
  return load_dataset(dataset_from_folders(folder.path(), "", defaults), 1);
}

/// True if `part` lies in `sheet` somewhere, each pixel `factor` times as wide and high.
bool contains(const Image& sheet, const Image& part, int factor) {
  const auto pixel = [](const Image& image, int x, int y) {
    return &image.pixels[(static_cast<size_t>(y) * image.width + x) * 3];
  };
  const auto same_at = [&](int left, int top) {
    for (int y = 0; y < part.height * factor; ++y)
      for (int x = 0; x < part.width * factor; ++x)
        if (!std::equal(pixel(part, x / factor, y / factor), pixel(part, x / factor, y / factor) + 3,
                        pixel(sheet, left + x, top + y)))
          return false;
    return true;
  };
  for (int top = 0; top + part.height * factor <= sheet.height; ++top)
    for (int left = 0; left + part.width * factor <= sheet.width; ++left)
      if (same_at(left, top)) return true;
  return false;
}

}  // namespace

TEST_CASE("a preview shows what the loader gives the network in the first epoch, each picture once") {
  const TemporaryFolder folder;
  for (int i = 0; i < 5; ++i) {
    folder.picture("3_cat/" + std::to_string(i) + ".png", i % 2 ? 64 : 128, 64, i);
    folder.text("3_cat/" + std::to_string(i) + ".txt", "one, two, three, four");
  }
  const TrainingData data = load(folder);
  const LoaderConfig config{.seed = 7, .threads = 1};
  const std::vector<PreviewPicture> previews = preview_pictures(data, config, 100, TokenLimit(75));
  CHECK(previews.size() == 5);
  CHECK(preview_pictures(data, config, 2, TokenLimit(75)).size() == 2);

  std::vector<std::string> seen;
  int mirrored = 0;
  Loader loader(data, config);
  for (int64_t b = 0; b < data.batches_per_epoch(); ++b) {
    const Batch batch = loader.next();
    for (size_t i = 0; i < batch.samples.size(); ++i) {
      if (std::ranges::find(seen, batch.files[i]) != seen.end()) continue;
      REQUIRE(seen.size() < previews.size());
      const PreviewPicture& preview = previews[seen.size()];
      CHECK(preview.file == batch.files[i]);
      CHECK(preview.caption == batch.captions[i]);
      CHECK(preview.shown.caption == batch.captions[i]);
      CHECK(preview.shown.unread.empty());
      CHECK(Size{preview.shown.picture.width, preview.shown.picture.height} == batch.bucket);
      const size_t count = preview.shown.picture.pixels.size();
      std::vector<uint8_t> bytes;
      for (size_t k = 0; k < count; ++k)
        bytes.push_back(static_cast<uint8_t>((batch.images[i * count + k] * 0.5f + 0.5f) * 255 + 0.5f));
      CHECK(preview.shown.picture.pixels == bytes);
      CHECK((preview.shown.notes.find("mirrored") != std::string::npos) == (batch.flipped[i] != 0));
      mirrored += batch.flipped[i];
      seen.push_back(batch.files[i]);
    }
  }
  CHECK(mirrored > 0);
  CHECK_THROWS_AS(preview_pictures(data, config, 0, TokenLimit(75)), Error);
}

TEST_CASE("a preview tells apart what the text encoder reads of a caption and what it does not") {
  const TemporaryFolder folder;
  folder.picture("1_cat/a.png", 64, 64);
  std::string caption;
  for (int i = 0; i < 80; ++i) caption += i ? " cat" : "cat";
  folder.text("1_cat/a.txt", caption);
  TrainingData data = load(folder);
  const PreviewPicture preview = preview_pictures(data, {}, 1, TokenLimit(75)).at(0);
  CHECK(preview.caption == caption);
  CHECK(preview.shown.caption.size() == 75 * 4 - 1);
  CHECK(preview.shown.caption + preview.shown.unread == caption);
  CHECK(preview.shown.notes.find("80 of 75 tokens") != std::string::npos);
  CHECK(preview_pictures(data, {}, 1, TokenLimit(150)).at(0).shown.unread.empty());
}

TEST_CASE("the limit counts words without their weights where captions are weighted") {
  const std::string caption = "a (cat:1.3), [dog], plain";
  CHECK(TokenLimit(75, true).tokens_of(caption) == TokenLimit(75).tokens_of("a cat, dog, plain"));
  CHECK(TokenLimit(75).tokens_of(caption) > TokenLimit(75, true).tokens_of(caption));
  CHECK_THROWS_AS(TokenLimit(75, true).tokens_of("a (cat:1.2.3)"), Error);
}

TEST_CASE("a preview holds the masks of pictures that have one") {
  const TemporaryFolder folder;
  Image image{.width = 64, .height = 64, .channels = 4};
  for (int i = 0; i < 64 * 64; ++i)
    image.pixels.insert(image.pixels.end(), {10, 20, 30, static_cast<uint8_t>(i % 64 < 32 ? 255 : 0)});
  std::filesystem::create_directories(folder.path("1_cat"));
  write_png(folder.path("1_cat/a.png"), image);
  const PreviewPicture preview = preview_pictures(load(folder, true), {.threads = 1}, 1, TokenLimit(75)).at(0);
  REQUIRE(preview.shown.mask.size() == 64 * 64);
  const bool mirrored = preview.shown.notes.find("mirrored") != std::string::npos;
  CHECK(preview.shown.mask[0] == (mirrored ? 0.0f : 1.0f));
  CHECK(preview.shown.mask[63] == (mirrored ? 1.0f : 0.0f));
}

TEST_CASE("a preview shows no mask where all of a picture counts") {
  const TemporaryFolder folder;
  folder.picture("1_cat/a.png", 64, 64);
  CHECK(preview_pictures(load(folder, true), {.threads = 1}, 1, TokenLimit(75)).at(0).shown.mask.empty());
}

TEST_CASE("a contact sheet shows each picture and mask unchanged, and grows with its rows") {
  std::vector<SheetPicture> pictures;
  for (int i = 0; i < 6; ++i) {
    Image image{.width = 40, .height = 64};
    for (int k = 0; k < 40 * 64 * 3; ++k) image.pixels.push_back(static_cast<uint8_t>(k * 7 + k / 40 + i * 50));
    pictures.push_back({.picture = image, .title = "a.png", .notes = "40x64", .caption = "a cat"});
  }
  pictures[1].mask.assign(40 * 64, 0.0f);
  pictures[1].mask[17] = 1;
  const Image one = draw_contact_sheet(std::span(pictures).first(1), "one");
  const Image two_rows = draw_contact_sheet(pictures, "six");
  CHECK(two_rows.width > 4 * one.width);
  CHECK(two_rows.height > one.height + 320);
  CHECK(contains(one, pictures[0].picture, 5));
  CHECK(contains(two_rows, pictures[0].picture, 5));
  CHECK(contains(two_rows, pictures[5].picture, 5));
  CHECK(contains(two_rows, pictures[1].picture, 3));  // half of the width is the mask's
  Image mask{.width = 40, .height = 64};
  for (const float value : pictures[1].mask) mask.pixels.insert(mask.pixels.end(), 3, value > 0 ? 255 : 0);
  CHECK(contains(two_rows, mask, 3));

  // Long captions and strange letters are drawn too, and make the sheet higher.
  pictures[0].caption = std::string(2000, 'a') + " 猫";
  CHECK(draw_contact_sheet(std::span(pictures).first(1), "one").height > one.height + 100);
  CHECK_THROWS_AS(draw_contact_sheet({}, "none"), Error);
}

TEST_CASE("letters that the drawing has not are boxes of one width each") {
  CHECK(Canvas::text_width("猫猫", 10) == doctest::Approx(2 * Canvas::text_width("猫", 10)));
  CHECK(Canvas::text_width("é", 10) == Canvas::text_width("猫", 10));
  CHECK(Canvas::text_width("aa", 10) > Canvas::text_width("a", 10));
  Canvas canvas(60, 30), blank(60, 30);
  canvas.text("猫", {10, 15}, 10, kInk);
  CHECK(canvas.picture() != blank.picture());
}
