#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "io/image_facts.h"
#include "io/picture_bytes.h"
#include "io/temp_folder.h"
#include "support/source_dir.h"

using namespace rankine;

namespace {

/// A row of the table that tests/io/picture_table.py made: a file, and what Pillow reads from it.
struct Row {
  std::string name, file;
  ImageSize size;
  bool has_alpha;
  int bits, orientation;
  std::vector<uint8_t> rgb, alpha;  ///< alpha: empty if all is opaque
};

std::vector<uint8_t> from_hex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    count += 6;
    if (count >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return bytes;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all = [] {
    std::vector<Row> rows;
    const nlohmann::json table = nlohmann::json::parse(get_bytes(source_dir() + "/tests/io/pictures.json"));
    for (const nlohmann::json& row : table)
      rows.push_back({row.at("name"), from_base64(row.at("file").get<std::string>()),
                      ImageSize{row.at("width"), row.at("height")}, row.at("has_alpha"), row.at("bits"),
                      row.at("orientation"), from_hex(row.at("rgb")), from_hex(row.value("alpha", ""))});
    return rows;
  }();
  return all;
}

const std::string& table_file(const std::string& name) {
  const auto row = std::ranges::find(rows(), name, &Row::name);
  REQUIRE(row != rows().end());
  return row->file;
}

}  // namespace

TEST_CASE("pictures of every kind have the pixels and the alpha that Pillow reads from them") {
  REQUIRE(rows().size() >= 190);
  const TempFolder folder;
  const std::string path = folder / "a";
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    put_bytes(path, row.file);
    const Image rgb = read_image(path, Alpha::drop);
    CHECK(ImageSize{rgb.width, rgb.height} == row.size);
    CHECK(rgb.pixels == row.rgb);
    const Image rgba = read_image(path, Alpha::require);
    REQUIRE(rgba.pixels.size() == row.rgb.size() / 3 * 4);
    bool same = true;
    for (size_t i = 0; i < row.rgb.size() / 3; ++i)
      same = same && rgba.pixels[4 * i + 3] == (row.alpha.empty() ? 255 : row.alpha[i]);
    CHECK(same);
  }
}

TEST_CASE("the facts from a picture's headers agree with its decoded pixels, for pictures of every kind") {
  const TempFolder folder;
  const std::string path = folder / "a";
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    put_bytes(path, row.file);
    const ImageFacts facts = read_image_facts(path);
    const Image image = read_image(path);
    CHECK(facts.size == ImageSize{image.width, image.height});
    CHECK(facts.size == read_image_size(path));
    CHECK(facts.has_alpha == (image.channels == 4));
    CHECK(facts.has_alpha == row.has_alpha);
    CHECK(facts.bits == row.bits);
    CHECK(facts.orientation == row.orientation);
    CHECK(facts.is_cmyk == (row.name.find("cmyk") != std::string::npos || row.name.find("ycck") != std::string::npos));
  }
}

namespace {

/// The bytes that `call` writes to standard error, also from inside libraries.
template <class Call>
std::string errors_written_by(const Call& call) {
  const TempFolder folder;
  const std::string path = folder / "errors";
  std::fflush(stderr);
  const int before = ::dup(STDERR_FILENO);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ::dup2(file, STDERR_FILENO);
  call();
  std::cerr.flush();
  std::fflush(stderr);
  ::dup2(before, STDERR_FILENO);
  ::close(file);
  ::close(before);
  return get_bytes(path);
}

}  // namespace

TEST_CASE("no library prints anything, whatever is wrong with a picture") {
  const TempFolder folder;
  const std::string path = folder / "a";
  int errors = 0;
  const std::string printed = errors_written_by([&] {
    const auto read = [&](const std::string& bytes) {
      put_bytes(path, bytes);
      errors += error_of([&] { read_image(path); }).empty() ? 0 : 1;
      error_of([&] { read_image_facts(path); });
    };
    for (const Row& row : rows()) {
      read(row.file);
      for (size_t i = 1; i <= 6; ++i) {
        std::string damaged = row.file;
        damaged[damaged.size() * i / 7] ^= static_cast<char>(0x55);
        read(damaged);
        read(row.file.substr(0, row.file.size() * i / 7));
      }
    }
  });
  CHECK(printed.empty());
  CHECK(errors > 1000);
}

TEST_CASE("the warnings of libpng and libjpeg are remarks about the file, each once") {
  const TempFolder folder;
  const std::string path = folder / "a";
  put_bytes(path, table_file("png with broken profile"));
  const ImageFacts facts = read_image_facts(path);
  REQUIRE(facts.remarks.size() == 1);
  CHECK(facts.remarks[0].find("iCCP: ") == 0);
  std::vector<std::string> remarks;
  read_image(path, Alpha::keep, &remarks);
  CHECK(remarks == facts.remarks);

  std::string jpeg = table_file("jpeg 4:2:0");
  jpeg.insert(20, "\x01\x02\x03");  // behind JFIF's mark
  put_bytes(path, jpeg);
  read_image(path, Alpha::keep, &remarks);
  REQUIRE(remarks.size() == 1);
  CHECK(remarks[0].find("Corrupt JPEG data: 3 extraneous bytes") == 0);
  CHECK(read_image_facts(path).remarks == remarks);
}

TEST_CASE("what stands beside a picture's pixels changes none of them") {
  using namespace std::string_literals;
  const TempFolder folder;
  const std::string path = folder / "a";
  const std::string rows = "\0\1\2\3\4\5\6"s;
  const Image plain{.width = 2, .height = 1, .pixels = {1, 2, 3, 4, 5, 6}};
  const std::string long_text = "workflow\0"s + std::string(9 << 20, 'x');
  const std::string extras[] = {
      chunk("tEXt", long_text),
      chunk("iTXt", "workflow\0\0\0\0\0"s + std::string(9 << 20, 'x')),
      chunk("zTXt", "workflow\0\0rubbish"s),
      chunk("gAMA", "\0\0\0\0"s),
      chunk("gAMA", "\0\1\0\0"s) + chunk("gAMA", "\0\2\0\0"s),
      chunk("tRNS", "\0"s),  // too short for a colour
      chunk("eXIf", "rubbish"s),
      chunk("abCd", "unknown"s),
  };
  for (const std::string& extra : extras) {
    CAPTURE(extra.substr(4, 4));
    put_bytes(path, png_of(2, 1, 8, 2, rows, extra));
    CHECK(read_image(path) == plain);
    CHECK_FALSE(read_image_facts(path).has_alpha);
  }
  std::string late = png_of(2, 1, 8, 2, rows);  // behind the pixels a transparent colour comes too late
  late.insert(late.size() - 12, chunk("tRNS", "\0\1\0\2\0\3"s));
  put_bytes(path, late);
  CHECK(read_image(path) == plain);
  CHECK_FALSE(read_image_facts(path).has_alpha);
}

TEST_CASE("a picture may be long: its pixels are limited, not its sides") {
  const TempFolder folder;
  const std::string path = folder / "a";
  put_bytes(path, png_of(1'200'000, 1, 1, 0, std::string(1 + 150'000, '\0')));
  CHECK(read_image_facts(path).size == ImageSize{1'200'000, 1});
  CHECK(read_image(path).width == 1'200'000);
}

TEST_CASE("pictures that no decoder takes are refused by their headers, with the reason") {
  using namespace std::string_literals;
  const TempFolder folder;
  const std::string path = folder / "a";
  const auto fault = [&](std::string bytes, size_t at, const std::string& with) {
    put_bytes(path, bytes.replace(at, with.size(), with));
    const std::string text = error_of([&] { read_image_facts(path); });
    CHECK(error_of([&] { read_image(path); }) == text);
    return text;
  };
  const std::string jpeg = table_file("jpeg 4:4:4");
  CHECK(fault(jpeg, jpeg.find("\xff\xc0") + 4, "\x0c").find("precision 12") != std::string::npos);
  CHECK(fault(jpeg, jpeg.find("\xff\xc0") + 1, "\xc3").find("Unsupported JPEG process") != std::string::npos);
  const std::string bmp = table_file("bmp 24 bits");
  CHECK(fault(bmp, 28, "\x02").find("a BMP of 2 bits per pixel: save it as PNG") != std::string::npos);
  CHECK(fault(bmp, 30, "\x04").find("with compression 4: save it as PNG") != std::string::npos);
  CHECK(fault(bmp, 14, "\x29").find("a header of 41 bytes") != std::string::npos);
  const std::string few = table_file("bmp 8 bits, two colours used");
  CHECK(fault(few, 46, "\xff\xff\xff").find("it says that it has 16777215 colours") != std::string::npos);
  const std::string runs = table_file("bmp 8 bits, run lengths");
  put_bytes(path, runs.substr(0, runs.size() - 9));
  CHECK(error_of([&] { read_image(path); }).find("cut short") != std::string::npos);
}
