#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/image.h"
#include "io/image_format.h"
#include "io/mapped_file.h"

// Text chunks of PNG: https://www.w3.org/TR/png-3/#11textinfo
namespace rankine {
namespace {

constexpr size_t signature_size = 8, header_chunk_size = 25;  // IHDR always has 13 bytes of content

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

// Length, type, content, CRC of type and content.
std::string chunk(std::string_view type, std::string_view content) {
  std::string out;
  append_u32(out, static_cast<uint32_t>(content.size()));
  out += type;
  out += content;
  const auto* checked = reinterpret_cast<const Bytef*>(out.data()) + 4;
  append_u32(out, static_cast<uint32_t>(::crc32(0, checked, static_cast<uInt>(out.size() - 4))));
  return out;
}

std::string text_chunk(const PngText& entry) {
  using namespace std::string_view_literals;
  const auto& [keyword, text] = entry;
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  check(!keyword.empty() && keyword.size() <= 79 && std::all_of(keyword.begin(), keyword.end(), printable),
        "PNG text: the keyword \"", keyword, "\" must have 1 to 79 printable ASCII characters");
  check(text.size() < (size_t{1} << 30) && text.find('\0') == std::string::npos, "PNG text \"", keyword,
        "\": the text holds a zero byte or is too long");
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
  std::string content = keyword;
  // iTXt: end of keyword, not compressed, method 0, no language, no translated keyword, then UTF-8.
  content.append(ascii ? "\0"sv : "\0\0\0\0\0"sv);
  content += text;
  return chunk(ascii ? "tEXt" : "iTXt", content);
}

uint32_t chunk_length(ImageBytes bytes, size_t at) {
  uint32_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | bytes[at + i];
  return length;
}

}  // namespace

std::vector<uint8_t> encode_png(const Image& image, const std::vector<PngText>& texts) {
  check(image.channels == 3 || image.channels == 4, "PNG: ", image.channels, " channels, expected 3 or 4");
  const size_t expected =
      static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * static_cast<size_t>(image.channels);
  check(image.width > 0 && image.height > 0 && image.pixels.size() == expected, "PNG: ", image.pixels.size(),
        " samples are not ", image.width, " x ", image.height, " pixels of ", image.channels, " channels");
  const cv::Mat rgb(image.height, image.width, CV_8UC(image.channels), const_cast<uint8_t*>(image.pixels.data()));
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, image.channels == 4 ? cv::COLOR_RGBA2BGRA : cv::COLOR_RGB2BGR);
  std::vector<uint8_t> png;
  try {
    check(cv::imencode(".png", bgr, png), "PNG: OpenCV cannot encode the picture");
  } catch (const cv::Exception& error) {
    fail("PNG: OpenCV cannot encode the picture: ", error.err);
  }
  std::string chunks;
  for (const PngText& text : texts) chunks += text_chunk(text);
  png.insert(png.begin() + signature_size + header_chunk_size, chunks.begin(), chunks.end());
  return png;
}

void write_png(const std::string& path, const Image& image, const std::vector<PngText>& texts) {
  const std::vector<uint8_t> png = encode_png(image, texts);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(png)));
  file.commit();
}

std::vector<PngText> read_png_texts(const std::string& path) {
  const MappedFile file(path);
  const ImageBytes bytes(reinterpret_cast<const unsigned char*>(file.bytes().data()), file.bytes().size());
  check(image_format_of(bytes, path) == ImageFormat::png, path, ": not a PNG file");
  check_image_is_whole(bytes, ImageFormat::png, path);
  std::vector<PngText> texts;
  for (size_t at = signature_size; at + 12 <= bytes.size();) {
    const size_t length = chunk_length(bytes, at);
    const auto* start = reinterpret_cast<const char*>(bytes.data()) + at;
    const std::string_view type(start + 4, 4), content(start + 8, length);
    const size_t end = content.find('\0');
    if (type == "IEND") break;
    if (type == "tEXt" && end != content.npos) texts.emplace_back(content.substr(0, end), content.substr(end + 1));
    if (type == "iTXt" && end != content.npos && end + 2 < length && content[end + 1] == 0) {
      const size_t language_end = content.find('\0', end + 3);
      const size_t translated_end = language_end == content.npos ? content.npos : content.find('\0', language_end + 1);
      if (translated_end != content.npos)
        texts.emplace_back(content.substr(0, end), content.substr(translated_end + 1));
    }
    at += 12 + length;
  }
  return texts;
}

}  // namespace rankine
