#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "io/safetensors.h"
#include "io/temp_folder.h"

using namespace rankine;

namespace {

std::string with_length(uint64_t length, const std::string& rest) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xff);
  return bytes + rest;
}

std::string file_of(const std::string& json, size_t data_size) {
  return with_length(json.size(), json + std::string(data_size, '\x01'));
}

// One tensor "a" with this body, before four bytes of data.
std::string one(const std::string& body, size_t data_size = 4) { return file_of("{\"a\":{" + body + "}}", data_size); }

std::string entry(const std::string& name, const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + shape + "],\"data_offsets\":[" + offsets + "]}";
}

struct Malformed {
  std::string what;
  std::string bytes;
  const char* message;  // a part of what the Error must say
};

const std::string good_a = entry("a", "4", "0,4");
const std::string many = "18446744073709551615";  // 2^64 - 1

const std::string long_entry = entry(std::string(1 << 20, 'n'), "4", "0,4");
const std::string many_ones = [] {
  std::string ones = "1";
  for (int i = 1; i < 1'000'000; ++i) ones += ",1";
  return ones;
}();

const std::vector<Malformed> cases = {
    {"empty file", "", "too few"},
    {"one byte", "x", "too few"},
    {"seven bytes", "1234567", "too few"},
    {"length zero", with_length(0, "{}"), "length is 0"},
    {"length one", with_length(1, "{}"), "length is 1"},
    {"only a length", with_length(2, ""), "only 0 bytes follow"},
    {"length one past the end", with_length(3, "{}"), "only 2 bytes follow"},
    {"length of 99 MB in a short file", with_length(99'000'000, "{}"), "only 2 bytes follow"},
    {"length over the format's limit", with_length(100'000'001, "{}"), "the format allows"},
    {"length of 2^63", with_length(1ull << 63, "{}"), "the format allows"},
    {"length of 2^64 - 1", with_length(~0ull, "{}"), "the format allows"},
    {"length of 2^64 - 8", with_length(~0ull - 7, "{}"), "the format allows"},
    {"an HTML page, which the error names", "<!DOCTYPE html><html><body>not found</body></html>", "but a web page"},
    {"a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4265146304\n", "Git LFS"},
    {"a server's answer", "{\"error\":\"Invalid username or password.\"}", "a JSON text"},
    {"a short answer", "Entry not found", "a text that begins with \"Entry not found\""},
    {"GGUF", "GGUF\3 and more", "quantised"},
    {"an HTML page", "<!DOCTYPE html><html><body>not found</body></html>", "the format allows"},
    {"header cut in the middle", with_length(20, "{\"a\":{\"dtype\":\"U8\",\"sh"), "not valid JSON"},
    {"list at the top", file_of("[]", 0), "does not start with '{'"},
    {"number at the top", file_of("12", 0), "does not start with '{'"},
    {"text at the top", file_of("\"ab\"", 0), "does not start with '{'"},
    {"null at the top", file_of("null", 0), "does not start with '{'"},
    {"blank before the object", file_of(" {}", 0), "does not start with '{'"},
    {"byte order mark", file_of("\xef\xbb\xbf{}", 0), "does not start with '{'"},
    {"unclosed object", file_of("{\"a\":", 0), "not valid JSON"},
    {"rubbish after the object", file_of("{} x", 0), "not valid JSON"},
    {"two objects", file_of("{}{}", 0), "not valid JSON"},
    {"padding with zero bytes", file_of(std::string("{}\0\0", 4), 0), "not valid JSON"},
    {"trailing comma", file_of("{" + good_a + ",}", 4), "not valid JSON"},
    {"comment", file_of("{/*x*/}", 0), "not valid JSON"},
    {"single quotes", file_of("{'a':1}", 0), "not valid JSON"},
    {"name that is not UTF-8", file_of("{\"\xff\xfe\":{}}", 0), "not valid JSON"},
    {"zero byte inside", file_of(std::string("{\"a\0\":{}}", 9), 0), "not valid JSON"},
    {"lone surrogate", file_of("{\"\\ud800\":{}}", 0), "not valid JSON"},
    {"deep lists", file_of("{\"a\":" + std::string(1'000'000, '['), 0), "expected an object, got a list"},
    {"deep lists in a shape", file_of("{\"a\":{\"shape\":" + std::string(1'000'000, '['), 0), "got a list"},
    {"deep objects",
     [] {
       std::string json = "{\"a\":{\"dtype\":";
       for (int i = 0; i < 200'000; ++i) json += "{\"a\":";
       return file_of(json, 0);
     }(),
     "unexpected an object for dtype"},
    {"deep metadata", file_of("{\"__metadata__\":{\"a\":{\"b\":{}}}}", 0), "must be text, got an object"},
    {"tensor that is a number", file_of("{\"a\":1}", 0), "\"a\": expected an object, got a number"},
    {"tensor that is text", file_of("{\"a\":\"b\"}", 0), "expected an object, got text"},
    {"tensor that is null", file_of("{\"a\":null}", 0), "expected an object, got null"},
    {"tensor that is true", file_of("{\"a\":true}", 0), "expected an object, got true or false"},
    {"tensor without fields", one(""), "tensor \"a\": no dtype"},
    {"no dtype", one("\"shape\":[4],\"data_offsets\":[0,4]"), "no dtype"},
    {"no shape", one("\"dtype\":\"U8\",\"data_offsets\":[0,4]"), "no shape"},
    {"no offsets", one("\"dtype\":\"U8\",\"shape\":[4]"), "no data_offsets"},
    {"unknown key", one("\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1"), "unknown key \"x\""},
    {"unknown dtype", one("\"dtype\":\"F12\",\"shape\":[4],\"data_offsets\":[0,4]"), "unknown dtype \"F12\""},
    {"lower-case dtype", one("\"dtype\":\"u8\",\"shape\":[4],\"data_offsets\":[0,4]"), "unknown dtype"},
    {"empty dtype", one("\"dtype\":\"\",\"shape\":[4],\"data_offsets\":[0,4]"), "unknown dtype"},
    {"dtype that is a number", one("\"dtype\":8,\"shape\":[4],\"data_offsets\":[0,4]"), "unexpected a number"},
    {"dtype that is null", one("\"dtype\":null,\"shape\":[4],\"data_offsets\":[0,4]"), "unexpected null"},
    {"shape that is a number", one("\"dtype\":\"U8\",\"shape\":4,\"data_offsets\":[0,4]"), "unexpected a number"},
    {"shape that is text", one("\"dtype\":\"U8\",\"shape\":\"4\",\"data_offsets\":[0,4]"), "unexpected text"},
    {"text in a shape", file_of("{" + entry("a", "\"4\"", "0,4") + "}", 4), "got text"},
    {"negative dimension", file_of("{" + entry("a", "-4", "0,4") + "}", 4), "negative number -4"},
    {"two negative dimensions", file_of("{" + entry("a", "-2,-2", "0,4") + "}", 4), "negative number"},
    {"fractional dimension", file_of("{" + entry("a", "4.0", "0,4") + "}", 4), "not a whole number"},
    {"dimension in exponent form", file_of("{" + entry("a", "4e0", "0,4") + "}", 4), "not a whole number"},
    {"dimension of 2^63", file_of("{" + entry("a", "9223372036854775808", "0,4") + "}", 4), "a dimension of"},
    {"dimension past 2^64", file_of("{" + entry("a", "99999999999999999999", "0,4") + "}", 4), "not a whole number"},
    {"product of 2^64", one("\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]", 0),
     "more than 2^64"},
    {"product that wraps to the right size", file_of("{" + entry("a", "4294967296,4294967296,4", "0,0") + "}", 0),
     "more than 2^63 elements"},
    {"a product beyond 63 bits before a zero",
     file_of("{" + entry("a", "4611686018427387904,4611686018427387904,0", "0,0") + "}", 0), "more than 2^63 elements"},
    {"list in offsets", file_of("{" + entry("a", "4", "[0],4") + "}", 4), "got a list"},
    {"no offset", file_of("{" + entry("a", "4", "") + "}", 4), "needs two numbers"},
    {"one offset", file_of("{" + entry("a", "4", "0") + "}", 4), "needs two numbers"},
    {"three offsets", file_of("{" + entry("a", "4", "0,4,8") + "}", 4), "more than two"},
    {"negative offset", file_of("{" + entry("a", "4", "-4,0") + "}", 4), "negative number"},
    {"fractional offset", file_of("{" + entry("a", "4", "0,4.5") + "}", 4), "not a whole number"},
    {"offset past 2^64", file_of("{" + entry("a", "4", "0,18446744073709551620") + "}", 4), "not a whole number"},
    {"offsets swapped", file_of("{" + entry("a", "4", "4,0") + "}", 4), "end before they begin"},
    {"difference that wraps", file_of("{" + entry("a", "5", many + ",4") + "}", 4), "end before they begin"},
    {"data cut short", file_of("{" + good_a + "}", 3), "the file holds only 3"},
    {"no data at all", file_of("{" + good_a + "}", 0), "the file holds only 0"},
    {"offsets past any file", file_of("{" + entry("a", many, "0," + many) + "}", 4), "a dimension of"},
    {"huge tensor in a small file", file_of("{" + entry("a", "1000000000000", "0,1000000000000") + "}", 4),
     "the file holds only 4"},
    {"first byte unused", file_of("{" + entry("a", "4", "1,5") + "}", 5), "nothing may lie between"},
    {"gap", file_of("{" + good_a + "," + entry("b", "2", "6,8") + "}", 8), "nothing may lie between"},
    {"overlap", file_of("{" + good_a + "," + entry("b", "4", "2,6") + "}", 6), "inside the one before"},
    {"same bytes twice", file_of("{" + good_a + "," + entry("b", "4", "0,4") + "}", 4), "inside the one before"},
    {"one inside the other", file_of("{" + good_a + "," + entry("b", "2", "1,3") + "}", 4), "inside the one before"},
    {"trailing bytes", file_of("{" + good_a + "}", 9), "5 bytes follow the last tensor"},
    {"data and no tensor", file_of("{}", 1), "1 bytes follow"},
    {"too few bytes for the shape", file_of("{" + entry("a", "5", "0,4") + "}", 4), "needs 5 bytes"},
    {"too many bytes for the shape", file_of("{" + entry("a", "3", "0,4") + "}", 4), "needs 3 bytes"},
    {"scalar with four bytes", file_of("{" + entry("a", "", "0,4") + "}", 4), "needs 1 bytes"},
    {"empty tensor with bytes", file_of("{" + entry("a", "0,9", "0,4") + "}", 4), "needs 0 bytes"},
    {"size of another dtype", one("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,4]"), "needs 16 bytes"},
    {"same name twice", file_of("{" + good_a + "," + good_a + "}", 4), "\"a\" appears twice"},
    {"same name by an escape", file_of("{" + good_a + "," + entry("\\u0061", "4", "4,8") + "}", 8), "appears twice"},
    {"dtype twice", one("\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]"), "appears twice"},
    {"shape twice", one("\"dtype\":\"U8\",\"shape\":[2],\"shape\":[4],\"data_offsets\":[0,4]"), "appears twice"},
    {"metadata twice", file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "\"__metadata__\" appears twice"},
    {"metadata key twice", file_of("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0), "\"k\" appears twice"},
    {"metadata that is a list", file_of("{\"__metadata__\":[]}", 0), "expected an object, got a list"},
    {"metadata that is text", file_of("{\"__metadata__\":\"x\"}", 0), "expected an object, got text"},
    {"number in metadata", file_of("{\"__metadata__\":{\"k\":1}}", 0), "\"k\" must be text, got a number"},
    {"null in metadata", file_of("{\"__metadata__\":{\"k\":null}}", 0), "must be text, got null"},
    {"a dtype of a megabyte", one("\"dtype\":\"" + std::string(1 << 20, 'F') + "\""), "unknown dtype \"FFF"},
    {"a key of a megabyte", one("\"" + std::string(1 << 20, 'k') + "\":1"), "unknown key \"kkk"},
    {"a name of a megabyte twice", file_of("{" + long_entry + "," + long_entry + "}", 4), "appears twice"},
    {"a name of a megabyte for a number", file_of("{\"" + std::string(1 << 20, 'n') + "\":1}", 0), "got a number"},
    {"a text of a megabyte without an end", file_of("{\"" + std::string(1 << 20, 'n'), 0), "not valid JSON"},
    {"a number of a megabyte", file_of("{" + entry("a", std::string(1 << 20, '9'), "0,4") + "}", 4), "not valid JSON"},
    {"a tensor of a long name past the end", file_of("{" + long_entry + "}", 3), "the file holds only 3"},
    {"a million dimensions", file_of("{" + entry("a", many_ones, "0,1") + "}", 1), "more than 64 dimensions"},
    {"65 dimensions", file_of("{" + entry("a", many_ones.substr(0, 129), "0,1") + "}", 1), "more than 64 dimensions"},
    {"list in metadata", file_of("{\"__metadata__\":{\"k\":[]}}", 0), "must be text, got a list"},
};

}  // namespace

TEST_CASE("every malformed safetensors file is an error that names the file and says what is wrong") {
  const TempFolder folder;
  const std::string path = folder / "broken.safetensors";
  CHECK(cases.size() >= 100);
  for (const Malformed& c : cases) {
    CAPTURE(c.what);
    put_bytes(path, c.bytes);
    const std::string error = error_of([&] { SafetensorsFile::open(path); });
    CAPTURE(error);
    CHECK(error.find(path) == 0);
    CHECK(error.find(c.message) != std::string::npos);
    CHECK(error.size() < 1000);
  }
}

TEST_CASE("a safetensors file cut at any byte is an error") {
  const TempFolder folder;
  const std::string path = folder / "cut.safetensors";
  const std::string whole =
      file_of("{\"__metadata__\":{\"k\":\"v\"}," + good_a + "," + entry("b", "2,2", "4,8") + "}", 8);
  put_bytes(path, whole);
  CHECK(SafetensorsFile::open(path).tensors().size() == 2);
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    put_bytes(path, whole.substr(0, size));
    CHECK_THROWS_AS(SafetensorsFile::open(path), Error);
  }
}

TEST_CASE("a safetensors file with any one byte changed is read or refused, never a crash") {
  const TempFolder folder;
  const std::string path = folder / "flipped.safetensors";
  const std::string whole =
      file_of("{\"__metadata__\":{\"k\":\"v\"}," + good_a + "," + entry("b", "2,2", "4,8") + "}", 8);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char with : {'\0', '\xff', '9', '{', '"', ','}) {
      std::string bytes = whole;
      bytes[at] = with;
      put_bytes(path, bytes);
      error_of([&] {
        const auto file = SafetensorsFile::open(path);
        for (const TensorInfo& info : file.tensors()) {
          std::vector<float> out(static_cast<size_t>(count_of(info.shape)));
          file.read_f32(info, out);
        }
      });
    }
  }
}

TEST_CASE("what is not a readable file is an error that says so") {
  const TempFolder folder;
  CHECK(error_of([&] { SafetensorsFile::open(folder.path().string()); }).find("this is a folder") != std::string::npos);
  CHECK(error_of([&] { SafetensorsFile::open(folder / "absent"); }).find("cannot open") != std::string::npos);
  CHECK(error_of([&] { SafetensorsFile::open("/dev/zero"); }).find("not a regular file") != std::string::npos);
}
