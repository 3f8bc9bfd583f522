#include "io/image_facts.h"

#include <doctest/doctest.h>

#include "io/picture_bytes.h"
#include "io/temp_folder.h"
#include "support/reference.h"

using namespace rankine;
using namespace std::string_literals;

namespace {

ImageFacts facts_of(const std::string& bytes) {
  const TempFolder folder;
  put_bytes(folder / "a", bytes);
  return read_image_facts(folder / "a");
}

/// A picture whose pixels are the letters, row by row.
Image letters(int width, int height, std::string_view rows) {
  Image image{.width = width, .height = height};
  for (const char letter : rows) image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(letter));
  return image;
}

}  // namespace

TEST_CASE("each EXIF orientation turns a picture to how it is to be seen, bit for bit") {
  // abc
  // def as it is stored.
  const Image stored = letters(3, 2, "abcdef");
  const Image seen[] = {letters(3, 2, "abcdef"), letters(3, 2, "cbafed"), letters(3, 2, "fedcba"),
                        letters(3, 2, "defabc"), letters(2, 3, "adbecf"), letters(2, 3, "daebfc"),
                        letters(2, 3, "fcebda"), letters(2, 3, "cfbead")};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    CHECK(oriented(stored, orientation) == seen[orientation - 1]);
  }
  CHECK_THROWS_AS(oriented(stored, 9), Error);
}

TEST_CASE("the EXIF orientation is found in JPEG, PNG and WebP, in either byte order") {
  const Image image = gradient_picture(13, 7, 3);
  const std::string jpeg = encoded(image, ".jpg"), png = encoded(image, ".png"), webp = encoded(image, ".webp");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    for (const bool little : {false, true}) {
      CHECK(facts_of(with_exif(jpeg, orientation, little)).orientation == orientation);
      CHECK(facts_of(with_exif(png, orientation, little)).orientation == orientation);
      for (const std::string& mark : {""s, "Exif\0\0"s}) {
        const std::string exif = webp_chunk("EXIF", mark + exif_of(orientation, little));
        CHECK(facts_of(extended_webp(webp, 0x08, 13, 7, exif)).orientation == orientation);
      }
    }
  }
  CHECK(facts_of(jpeg).orientation == 1);
}

TEST_CASE("damaged EXIF data say nothing about the orientation") {
  const std::string exif = exif_of(6);
  const auto orientation = [](const std::string& data) {
    return exif_orientation({reinterpret_cast<const unsigned char*>(data.data()), data.size()});
  };
  CHECK(orientation(exif) == 6);
  for (size_t size = 0; size < 22; ++size) CHECK(orientation(exif.substr(0, size)) == 1);
  CHECK(orientation(exif_of(9)) == 1);
  CHECK(orientation(exif_of(0)) == 1);
  CHECK(orientation("II*\0\xff\xff\xff\xff"s + exif.substr(8)) == 1);
  CHECK(orientation(std::string(exif).replace(12, 1, "\x04")) == 1);  // not a 16-bit number
}

TEST_CASE("headers tell format, size, transparency, bits, CMYK and animation") {
  const Image rgb = gradient_picture(13, 7, 3), rgba = gradient_picture(13, 7, 4);
  const auto alpha = [](const std::string& bytes) { return facts_of(bytes).has_alpha; };
  CHECK_FALSE(alpha(encoded(rgb, ".png")));
  CHECK(alpha(encoded(rgba, ".png")));
  CHECK_FALSE(alpha(encoded(rgb, ".bmp")));
  CHECK_FALSE(alpha(encoded(rgba, ".bmp")));  // without a mask for it the fourth byte has no meaning
  CHECK_FALSE(alpha(encoded(rgb, ".jpg")));
  CHECK_FALSE(alpha(encoded(rgb, ".webp")));
  CHECK(alpha(encoded(rgba, ".webp")));
  const std::string palette = chunk("PLTE", "\x01\x02\x03\x0a\x0b\x0c"s);
  CHECK_FALSE(alpha(png_of(2, 1, 8, 3, "\0\1\0"s, palette)));
  CHECK(alpha(png_of(2, 1, 8, 3, "\0\1\0"s, palette + chunk("tRNS", "\x05"))));
  CHECK(alpha(png_of(1, 1, 8, 4, "\0\x30\x40"s)));

  const ImageFacts jpeg = facts_of(encoded(rgb, ".jpg"));
  CHECK(jpeg.format == ImageFormat::jpeg);
  CHECK(jpeg.size == ImageSize{13, 7});
  CHECK(jpeg.bits == 8);
  CHECK_FALSE(jpeg.is_cmyk);
  CHECK(facts_of(cmyk_jpeg()).is_cmyk);
  CHECK(facts_of(png_of(1, 1, 16, 2, "\0\x12\xff\x80\x7f\x01\xff"s)).bits == 16);
  CHECK(facts_of(png_of(2, 1, 8, 3, "\0\1\0"s, palette + chunk("acTL", "\0\0\0\1\0\0\0\0"s))).is_animated);
  const std::string webp = encoded(rgb, ".webp");
  CHECK(error_of([&] { facts_of(extended_webp(webp, 0x02, 13, 7, "")); }).find("animated WebP") != std::string::npos);
  CHECK(facts_of(extended_webp(webp, 0, 13, 7, "")).format == ImageFormat::webp);
}

TEST_CASE("a file that is no picture is called what it is") {
  const struct {
    std::string bytes, text;
  } cases[] = {{"GIF89a\x01\0\x01\0"s, "it is a GIF: convert it"},
               {"\0\0\0\x1c"
                "ftypheic"s,
                "HEIC"},
               {"\0\0\0\x1c"
                "ftypavif"s,
                "AVIF"},
               {"II*\0abcd"s, "TIFF"},
               {"\0\x05\x16\x07\0\x02"s, "macOS"},
               {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
               {"<!DOCTYPE html><html>404", "web page"},
               {std::string(5000, '\0'), "zeros"},
               {"a cat\n", "it is a text"}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(error_of([&] { facts_of(c.bytes); }).find(c.text) != std::string::npos);
  }
}

TEST_CASE("a suffix fits a format in any case") {
  CHECK(is_suffix_of(".JPG", ImageFormat::jpeg));
  CHECK(is_suffix_of(".jpeg", ImageFormat::jpeg));
  CHECK_FALSE(is_suffix_of(".png", ImageFormat::jpeg));
  CHECK(is_suffix_of(".webp", ImageFormat::webp));
  CHECK(is_suffix_of(".bmp", ImageFormat::bmp));
}
