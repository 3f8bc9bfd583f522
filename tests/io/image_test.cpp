#include "io/image.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <opencv2/imgcodecs.hpp>

#include "io/picture_bytes.h"
#include "io/safetensors.h"
#include "io/sha256.h"
#include "io/temp_folder.h"
#include "support/reference.h"

using namespace rankine;

namespace {

std::string picture(const std::string& name) { return golden::shipped_file("images/" + name).string(); }

std::string pixel_hash(const Image& image) { return sha256_hex(std::as_bytes(std::span(image.pixels))); }

}  // namespace

TEST_CASE("PNG pictures decode to the exact pixels") {
  // The hashes were computed by a decoder of a few lines, independent of libpng.
  struct {
    const char *name, *hash;
    ImageSize size;
    int channels;
  } const cases[] = {
      {"gray_portrait.png", "49cfb69007307cd727e620607e8924f804cdced94867750db6dfba19303249df", {90, 160}, 3},
      {"palette.png", "606fd632a1225052ce24c9e59f5722a21b4def87cc4ecb2a0eeb2ef177dc6606", {130, 100}, 3},
      {"rgb_landscape.png", "d112463cb16f59dd8411293b877c45026e4ed9f6e2e42387496f5639e1287375", {200, 120}, 3},
      {"rgba_square.png", "04650efcf057894c54073ea2406630b00b9f5158701af90270586bc86162ed71", {96, 96}, 4},
      {"tiny.png", "2ba9337b3dae0d8d00234cd1b1c0dcfd1b8eea69c4a7237d7f486706d74f677b", {40, 56}, 3},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const Image image = read_image(picture(c.name));
    CHECK(ImageSize{image.width, image.height} == c.size);
    CHECK(image.channels == c.channels);
    CHECK(pixel_hash(image) == c.hash);
    CHECK(read_image_size(picture(c.name)) == c.size);
  }
}

TEST_CASE("a JPEG picture decodes to the recorded pixels") {
  const auto file = SafetensorsFile::open(golden::shipped_file("decoded_jpeg.safetensors").string());
  const auto expected = file.bytes(file.at("photo.jpg"));
  const Image image = read_image(picture("photo.jpg"));
  CHECK(read_image_size(picture("photo.jpg")) == ImageSize{180, 140});
  REQUIRE(image.pixels.size() == expected.size());
  int largest = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(image.pixels[i] - static_cast<int>(expected[i])));
  CHECK(largest == 0);
}

TEST_CASE("alpha is kept, dropped or added as asked") {
  const Image rgba = read_image(picture("rgba_square.png"));
  const Image rgb = read_image(picture("rgba_square.png"), Alpha::drop);
  CHECK(rgb.channels == 3);
  bool same = true;
  for (size_t i = 0; i < rgb.pixels.size(); ++i) same = same && rgb.pixels[i] == rgba.pixels[i / 3 * 4 + i % 3];
  CHECK(same);
  const Image opaque = read_image(picture("tiny.png"), Alpha::require);
  CHECK(opaque.channels == 4);
  CHECK(opaque.pixels[3] == 255);
  CHECK(read_image(picture("gray_portrait.png"), Alpha::require).channels == 4);
}

TEST_CASE("every pixel format of PNG becomes RGB or RGBA as Pillow makes it") {
  const TempFolder folder;
  const std::string path = folder / "a.png";
  const auto read = [&](const std::string& bytes) {
    put_bytes(path, bytes);
    return read_image(path).pixels;
  };
  using Pixels = std::vector<uint8_t>;
  using namespace std::string_literals;
  CHECK(read(png_of(2, 1, 16, 0, "\0\x12\xff\x80\x7f"s)) == Pixels{0x12, 0x12, 0x12, 0x80, 0x80, 0x80});
  CHECK(read(png_of(1, 1, 16, 2, "\0\x12\xff\x80\x7f\x01\xff"s)) == Pixels{0x12, 0x80, 0x01});
  CHECK(read(png_of(2, 1, 1, 0, "\0\x40"s)) == Pixels{0, 0, 0, 255, 255, 255});
  CHECK(read(png_of(2, 1, 4, 0, "\0\x1e"s)) == Pixels{17, 17, 17, 238, 238, 238});
  CHECK(read(png_of(1, 1, 8, 4, "\0\x30\x40"s)) == Pixels{0x30, 0x30, 0x30, 0x40});
  const std::string palette = chunk("PLTE", "\x01\x02\x03\x0a\x0b\x0c"s);
  CHECK(read(png_of(2, 1, 8, 3, "\0\1\0"s, palette)) == Pixels{10, 11, 12, 1, 2, 3});
  CHECK(read(png_of(2, 1, 8, 3, "\0\1\0"s, palette + chunk("tRNS", "\x05"))) == Pixels{10, 11, 12, 255, 1, 2, 3, 5});
}

TEST_CASE("WebP and BMP decode, and their sizes are read from the header") {
  const TempFolder folder;
  const Image image = gradient_picture(13, 7, 3);
  const std::vector<int> lossless{cv::IMWRITE_WEBP_QUALITY, 101};
  const cv::Mat mat(7, 13, CV_8UC3, const_cast<uint8_t*>(image.pixels.data()));
  std::vector<uint8_t> webp;
  cv::imencode(".webp", mat, webp, lossless);
  put_bytes(folder / "lossless", {reinterpret_cast<const char*>(webp.data()), webp.size()});
  put_bytes(folder / "lossy", encoded(image, ".webp"));
  put_bytes(folder / "bmp", encoded(image, ".bmp"));
  for (const char* name : {"lossless", "lossy", "bmp"}) {
    CAPTURE(name);
    CHECK(read_image_size(folder / name) == ImageSize{13, 7});
    const Image back = read_image(folder / name);
    CHECK(back.width == 13);
    if (std::string_view(name) == "lossy") continue;
    CHECK(back.pixels[0] == image.pixels[2]);  // the picture was encoded as BGR
    CHECK(back.pixels[2] == image.pixels[0]);
  }
}

TEST_CASE("a picture is recognised by its content, whatever its name") {
  const TempFolder folder;
  put_bytes(folder / "photo.png", get_bytes(picture("photo.jpg")));
  CHECK(read_image(folder / "photo.png") == read_image(picture("photo.jpg")));
}

TEST_CASE("the EXIF orientation is ignored") {
  const std::string bytes = with_exif(get_bytes(picture("photo.jpg")), 6);
  const TempFolder folder;
  put_bytes(folder / "turned.jpg", bytes);
  CHECK(read_image(folder / "turned.jpg") == read_image(picture("photo.jpg")));
  CHECK(read_image_size(folder / "turned.jpg") == ImageSize{180, 140});
}

TEST_CASE("a picture cut anywhere is an error") {
  const TempFolder folder;
  const std::string path = folder / "cut";
  const Image image = gradient_picture(40, 30, 3);
  for (const char* format : {".png", ".jpg", ".webp", ".bmp"}) {
    CAPTURE(format);
    const std::string whole = encoded(image, format);
    put_bytes(path, whole);
    CHECK(error_of([&] { read_image(path); }).empty());
    for (size_t size = 0; size < whole.size(); size += size < 64 || size + 64 > whole.size() ? 1 : 61) {
      CAPTURE(size);
      put_bytes(path, whole.substr(0, size));
      const std::string error = error_of([&] { read_image(path); });
      CHECK(error.find(path) == 0);
    }
  }
}

TEST_CASE("damaged pictures are errors that name the file") {
  using namespace std::string_literals;
  std::string flipped = get_bytes(picture("tiny.png"));
  flipped[flipped.size() / 2] = static_cast<char>(~flipped[flipped.size() / 2]);
  const std::string zero = "\0"s;
  struct {
    const char *what, *message;
    std::string bytes;
  } const cases[] = {
      {"empty", "empty", ""},
      {"text", "not a PNG, JPEG, WebP or BMP", "a cat sitting"},
      {"HTML named png", "not a PNG", "<html></html>"},
      {"GIF", "not a PNG", "GIF89a\x01\0\x01\0"s},
      {"wrong checksum", "checksum", flipped},
      {"PNG of no width", "0 x 1", png_of(0, 1, 8, 2, zero)},
      {"PNG of 2^31 x 2^31", "pixels", png_of(1u << 31, 1u << 31, 8, 2, zero)},
      {"decompression bomb", "pixels", png_of(20000, 20000, 8, 2, zero)},
      {"too few rows", "damaged", png_of(4, 4, 8, 0, "\0abcd"s)},
      {"palette without colours", "damaged", png_of(2, 1, 8, 3, "\0\1\0"s)},
      {"impossible colour type", "damaged", png_of(2, 1, 8, 5, "\0abcd"s)},
      {"JPEG without a frame", "frame header", "\xff\xd8\xff\xd9"s},
      {"JPEG frame too short", "frame header", "\xff\xd8\xff\xc0\0\x03\x08\xff\xd9"s},
      {"JPEG segment length 1", "impossible length", "\xff\xd8\xff\xe0\0\x01\xff\xd9"s},
      {"WebP of rubbish", "WebP", "RIFF\x20\0\0\0WEBPabcd"s + std::string(24, 'x')},
      {"BMP of rubbish", "pixels", "BM" + std::string(60, '\xff')},
  };
  const TempFolder folder;
  const std::string path = folder / "broken.png";
  for (const auto& c : cases) {
    CAPTURE(c.what);
    put_bytes(path, c.bytes);
    const std::string error = error_of([&] { read_image(path); });
    CAPTURE(error);
    CHECK(error.find(path) == 0);
    CHECK(error.find(c.message) != std::string::npos);
  }
  CHECK(error_of([&] { read_image(folder / "absent.png"); }).find("cannot open") != std::string::npos);
  CHECK(error_of([&] { read_image(folder.path().string()); }).find("this is a folder") != std::string::npos);
}

TEST_CASE("a picture is written as PNG with its texts and comes back the same") {
  const TempFolder folder;
  const std::string path = folder / "out.png";
  const std::vector<PngText> texts{{"parameters", "a cat\nSteps: 20, Seed: 1"}, {"Title", "кот 猫"}, {"Empty", ""}};
  for (const int channels : {3, 4}) {
    const Image image = gradient_picture(17, 11, channels);
    write_png(path, image, texts);
    CHECK(read_image(path) == image);
    CHECK(read_png_texts(path) == texts);
  }
  CHECK(folder.file_count() == 1);
  CHECK(get_bytes(path).find("tEXtparameters") != std::string::npos);
  CHECK(get_bytes(path).find("iTXtTitle") != std::string::npos);
}

TEST_CASE("the PNG writer refuses what it cannot store") {
  CHECK_THROWS_AS(encode_png(Image{.width = 2, .height = 2}), Error);
  CHECK_THROWS_AS(encode_png(gradient_picture(2, 2, 1)), Error);
  CHECK_THROWS_AS(encode_png(gradient_picture(2, 2, 3), {{"", "text"}}), Error);
  CHECK_THROWS_AS(encode_png(gradient_picture(2, 2, 3), {{"key", std::string("a\0b", 3)}}), Error);
}
