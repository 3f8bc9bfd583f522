#include "io/image.h"

#include "fuzz_file.h"
#include "io/image_facts.h"

using namespace rankine;

namespace {

/// A header of a few bytes may ask for 178 million pixels, as Pillow allows: that takes seconds and finds nothing more.
constexpr int64_t kMostPixels = 1 << 20;

void decode(const std::string& path) {
  const ImageSize said = read_image_size(path);
  if (int64_t{said.width} * said.height > kMostPixels) return;
  for (const Alpha alpha : {Alpha::keep, Alpha::drop, Alpha::require}) {
    const Image image = read_image(path, alpha);
    const auto bytes = static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * image.channels;
    check(image.width == said.width && image.height == said.height && image.pixels.size() == bytes,
          "the picture is not what was told of it");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::file_of(data, size, "a.png");
  fuzz::read_or_refuse(path, [&] { decode(path); });
  fuzz::read_or_refuse(path, [&] {
    oriented({.width = 2, .height = 1, .pixels = {1, 2, 3, 4, 5, 6}}, read_image_facts(path).orientation);
  });
  fuzz::read_or_refuse(path, [&] { read_png_texts(path); });
  return 0;
}
