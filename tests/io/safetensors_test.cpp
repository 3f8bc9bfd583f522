#include "io/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.h"
#include "io/convert.h"
#include "io/sha256.h"
#include "io/temp_folder.h"
#include "support/reference.h"

using namespace rankine;

namespace {

std::span<const std::byte> as_span(const std::vector<std::byte>& bytes) { return bytes; }

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

TEST_CASE("what is written comes back: names, types, shapes, bytes and metadata") {
  const TempFolder folder;
  const std::string path = folder / "round.safetensors";
  const std::vector<float> weights{1.5f, -2.0f, 3.25f, 0.0f, 5.0f, -6.0f};
  const std::vector<uint16_t> halves{0x3c00, 0xc000};
  const std::vector<int64_t> ids{-1, 49407};
  const std::vector<TensorToWrite> tensors{
      {"b.weight", DType::f32, {2, 3}, bytes_of(weights)},
      {"a.half", DType::f16, {2}, bytes_of(halves)},
      {"ids", DType::i64, {1, 2}, bytes_of(ids)},
      {"empty", DType::f32, {0, 7}, {}},
      {"scalar", DType::bf16, {}, bytes_of(halves).first(2)},
  };
  const std::map<std::string, std::string> metadata{{"ss_tag", "{\"a \\\"cat\\\"\": 1}\n"}, {"ключ", "日本語 😀"}};
  write_safetensors(path, tensors, metadata);

  const auto file = SafetensorsFile::open(path);
  CHECK(file.metadata() == metadata);
  CHECK(file.tensors().size() == tensors.size());
  for (const TensorToWrite& tensor : tensors) {
    CAPTURE(tensor.name);
    const TensorInfo& info = file.at(tensor.name);
    CHECK(info.dtype == tensor.dtype);
    CHECK(info.shape == tensor.shape);
    CHECK(std::ranges::equal(file.bytes(info), tensor.bytes));
  }
  CHECK(file.read_f32("b.weight") == weights);
  CHECK(file.read_f32("a.half") == std::vector<float>{1, -2});
  CHECK(file.read_f32("ids") == std::vector<float>{-1, 49407});
  CHECK(file.read_i32("ids") == std::vector<int32_t>{-1, 49407});
  file.release(file.at("b.weight"));
  CHECK(file.read_f32("b.weight") == weights);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("tensors lie by type, widest first, then by name; the header ends at a multiple of eight") {
  const std::vector<std::byte> zeros(8);
  const auto of = [&](const char* name, DType dtype) {
    return TensorToWrite{name, dtype, {}, as_span(zeros).first(size_of(dtype))};
  };
  const std::vector<TensorToWrite> tensors{of("b", DType::f16),     of("a", DType::bf16), of("z", DType::i64),
                                           of("a.f16", DType::f16), of("m", DType::f32),  of("u", DType::u8)};
  const SafetensorsHeader header = make_safetensors_header(tensors, {{"k", "v"}});
  CHECK(header.order == std::vector<size_t>{2, 4, 1, 3, 0, 5});
  CHECK(header.bytes.size() % 8 == 0);
  CHECK(header.data_size == 8 + 4 + 2 + 2 + 2 + 1);
  CHECK(header.bytes.substr(8, 60) == R"({"__metadata__":{"k":"v"},"z":{"dtype":"I64","shape":[],"dat)");
}

TEST_CASE("a file written by the safetensors library is written again with the same bytes") {
  const std::string path = golden::shipped_file("e2e_tiny-sd15_lora.safetensors").string();
  const auto file = SafetensorsFile::open(path);
  std::vector<TensorToWrite> tensors;
  for (const TensorInfo& info : file.tensors())
    tensors.insert(tensors.begin(), {info.name, info.dtype, info.shape, file.bytes(info)});
  const auto written = serialize_safetensors(tensors, file.metadata());
  CHECK(written.size() == file.file_size());  // the metadata's order is free, so the header is compared by its length
  CHECK(std::memcmp(written.data() + (written.size() - file.data().size()), file.data().data(), file.data().size()) ==
        0);
  CHECK(file.metadata().at("sshs_model_hash") == sha256_hex(file.data()));
}

TEST_CASE("a missing tensor's error names the nearest one") {
  const auto file = SafetensorsFile::open(golden::shipped_file("decoded_jpeg.safetensors").string());
  CHECK(file.find("nothing") == nullptr);
  const std::string error = error_of([&] { file.at("foto.jpg"); });
  CHECK(error.find("no tensor \"foto.jpg\"; the nearest is \"photo.jpg\"") != std::string::npos);
}

TEST_CASE("the writer refuses repeated names, wrong sizes and text that is not UTF-8") {
  const std::vector<std::byte> four(4);
  const TensorToWrite a{"a", DType::u8, {4}, four};
  CHECK(error_of([&] { serialize_safetensors(std::vector{a, a}, {}); }).find("two tensors") != std::string::npos);
  const TensorToWrite wrong{"a", DType::u8, {5}, four};
  CHECK(error_of([&] { serialize_safetensors(std::vector{wrong}, {}); }).find("not 4 bytes") != std::string::npos);
  const TensorToWrite negative{"a", DType::u8, {-4}, four};
  CHECK(error_of([&] { serialize_safetensors(std::vector{negative}, {}); }).find("impossible") != std::string::npos);
  CHECK(error_of([&] { serialize_safetensors(std::vector{a}, {{"k", "\xff"}}); }).find("UTF-8") != std::string::npos);
}

TEST_CASE("a failed write leaves the old file and no temporary one") {
  const TempFolder folder;
  const std::string path = folder / "kept.safetensors";
  put_bytes(path, "old");
  const std::vector<std::byte> four(4);
  const std::vector<TensorToWrite> wrong{{"a", DType::u8, {5}, four}};
  CHECK_THROWS_AS(write_safetensors(path, wrong, {}), Error);
  CHECK(get_bytes(path) == "old");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("every 16-bit float converts to float32 as the scalar functions say, at any alignment") {
  std::vector<std::byte> bytes(0x10000 * 2 + 1);
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const auto half = static_cast<uint16_t>(i);
    std::memcpy(bytes.data() + 1 + 2 * i, &half, 2);
  }
  std::vector<float> f16(0x10000), bf16(0x10000);
  convert_to_f32(DType::f16, as_span(bytes).subspan(1), f16);
  convert_to_f32(DType::bf16, as_span(bytes).subspan(1), bf16);
  int different = 0;
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const auto half = static_cast<uint16_t>(i);
    different += std::bit_cast<uint32_t>(f16[i]) != std::bit_cast<uint32_t>(f32_from_f16(half));
    different += std::bit_cast<uint32_t>(bf16[i]) != std::bit_cast<uint32_t>(f32_from_bf16(half));
  }
  CHECK(different == 0);
}

TEST_CASE("float32 converts to float16 and bfloat16 and back, also when large enough for threads") {
  std::vector<float> values(200'001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 512) * 0.25f - 64.0f;
  for (const DType dtype : {DType::f32, DType::f16}) {
    std::vector<std::byte> bytes(values.size() * size_of(dtype));
    convert_from_f32(values, dtype, bytes);
    std::vector<float> back(values.size());
    convert_to_f32(dtype, bytes, back);
    CHECK(back == values);
  }
  std::vector<std::byte> one(2);
  convert_from_f32(std::vector<float>{1.0f}, DType::bf16, one);
  CHECK(one == std::vector<std::byte>{std::byte{0x80}, std::byte{0x3f}});
  CHECK_THROWS_AS(convert_from_f32(values, DType::u8, one), Error);
}

TEST_CASE("float8 values are those of the format's paper") {
  CHECK(f32_from_f8_e4m3(0x7e) == 448.0f);
  CHECK(f32_from_f8_e4m3(0x01) == 0x1p-9f);
  CHECK(f32_from_f8_e4m3(0x08) == 0x1p-6f);
  CHECK(f32_from_f8_e4m3(0xb8) == -1.0f);
  CHECK(f32_from_f8_e4m3(0x7f) != f32_from_f8_e4m3(0x7f));
  CHECK(f32_from_f8_e5m2(0x7b) == 57344.0f);
  CHECK(f32_from_f8_e5m2(0x01) == 0x1p-16f);
  CHECK(f32_from_f8_e5m2(0xfc) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("rounding to float8_e4m3: each of the 256 codes, ties to even between them, and nothing past 448") {
  for (int code = 0; code < 256; ++code) {
    const float value = f32_from_f8_e4m3(static_cast<uint8_t>(code));
    const int expected = std::isnan(value) ? 0x7f : code;  // a NaN has lost its sign
    CHECK(f8_e4m3_from_f32(value) == expected);
  }
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (int code = 0; code < 0x7e; ++code) {
    const float low = f32_from_f8_e4m3(static_cast<uint8_t>(code)),
                high = f32_from_f8_e4m3(static_cast<uint8_t>(code + 1));
    const float middle = (low + high) / 2;
    const int even = code % 2 == 0 ? code : code + 1;
    for (const int sign : {0, 0x80}) {
      const auto rounded = [&](float x) { return f8_e4m3_from_f32(sign ? -x : x); };
      CHECK(rounded(middle) == (even | sign));
      CHECK(rounded(std::nextafter(middle, 0.0f)) == (code | sign));
      CHECK(rounded(std::nextafter(middle, infinity)) == ((code + 1) | sign));
    }
  }
  CHECK(f8_e4m3_from_f32(464.0f) == 0x7e);  // the tie to what would be 480
  for (const float large : {std::nextafter(464.0f, infinity), 1e30f, infinity}) {
    CHECK(f8_e4m3_from_f32(large) == 0x7f);
    CHECK(f8_e4m3_from_f32(-large) == 0xff);
  }
  CHECK(f8_e4m3_from_f32(std::numeric_limits<float>::denorm_min()) == 0);
}

TEST_CASE("a whole number that does not fit 32 bits is an error") {
  const TempFolder folder;
  const std::vector<int64_t> large{int64_t{1} << 31};
  write_safetensors(folder / "a", std::vector<TensorToWrite>{{"x", DType::i64, {1}, bytes_of(large)}}, {});
  const auto file = SafetensorsFile::open(folder / "a");
  const std::string error = error_of([&] { file.read_i32("x"); });
  CHECK(error.find(file.path() + ": tensor \"x\"") == 0);
  CHECK(error.find("2147483648 at position 0") != std::string::npos);
}
