#include "io/npz.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <optional>

#include "io/npy_header.h"
#include "io/temp_folder.h"

using namespace rankine;

namespace {

std::string le(uint64_t value, int bytes) {
  std::string out;
  for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 0xff);
  return out;
}

/// An archive of one member, as told: what is wrong about it is the test's choice.
struct Archive {
  std::string name = "a.npy", content;
  uint64_t method = 0, flags = 0;
  std::optional<uint64_t> size{}, packed_size{}, offset{}, crc{};
  std::string extra{};
  int entries = 1;

  std::string bytes() const {
    const auto real_crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
    const std::string shared = le(20, 2) + le(flags, 2) + le(method, 2) + le(0, 4) + le(crc.value_or(real_crc), 4) +
                               le(packed_size.value_or(content.size()), 4) + le(size.value_or(content.size()), 4) +
                               le(name.size(), 2);
    const std::string local = "PK\3\4" + shared + le(0, 2) + name + content;
    std::string directory;
    for (int i = 0; i < entries; ++i)
      directory += "PK\1\2" + le(20, 2) + shared + le(extra.size(), 2) + le(0, 2 + 2 + 2 + 4) +
                   le(offset.value_or(0), 4) + name + extra;
    return local + directory + "PK\5\6" + le(0, 4) + le(static_cast<uint64_t>(entries), 2) +
           le(static_cast<uint64_t>(entries), 2) + le(directory.size(), 4) + le(local.size(), 4) + le(0, 2);
  }
};

std::string npy(const std::string& header, const std::string& data, int version = 1) {
  return "\x93NUMPY" + le(static_cast<uint64_t>(version), 1) + le(0, 1) + le(header.size(), version == 1 ? 2 : 4) +
         header + data;
}
std::string header_of(const std::string& descr, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

/// Opens a file of these bytes and reads its array "a".
NpyArray read(const std::string& bytes) {
  const TempFolder folder;
  put_bytes(folder / "x.npz", bytes);
  return NpzFile::open(folder / "x.npz").read("a");
}
std::string error_of_reading(const std::string& bytes) {
  return error_of([&] { read(bytes); });
}

std::string deflated(const std::string& text) {
  std::string out(text.size() + 100, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Two arrays, in a file of a few hundred bytes.
std::string small_file() {
  const std::vector<float> a = {1.5f, -2, 3};
  const std::vector<int64_t> b = {1, -1};
  const std::vector<NpyToWrite> arrays = {{"a", DType::f32, {3, 1}, std::as_bytes(std::span(a))},
                                          {"b", DType::i64, {2}, std::as_bytes(std::span(b))}};
  return serialize_npz(arrays);
}

}  // namespace

TEST_CASE("arrays of every type and shape are read as they were written") {
  const TempFolder folder;
  std::vector<NpyToWrite> arrays;
  std::vector<std::vector<std::byte>> contents;
  const Shape shapes[] = {{}, {0}, {5}, {2, 3}, {1, 2, 3, 4}};
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::i64, DType::i32, DType::i16, DType::i8,
                            DType::u64, DType::u32, DType::u16, DType::u8, DType::boolean})
    for (const Shape& shape : shapes) {
      std::vector<std::byte>& content = contents.emplace_back(static_cast<size_t>(count_of(shape)) * size_of(dtype));
      for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * 37 + contents.size());
      arrays.push_back({concat_text(dtype, '_', shape.size(), '_', contents.size()), dtype, shape, {}});
    }
  for (size_t i = 0; i < arrays.size(); ++i) arrays[i].bytes = contents[i];
  put_bytes(folder / "all.npz", serialize_npz(arrays));
  const NpzFile file = NpzFile::open(folder / "all.npz");
  CHECK(file.names().size() == arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    CAPTURE(arrays[i].name);
    const NpyArray array = file.read(arrays[i].name);
    CHECK(array.dtype == arrays[i].dtype);
    CHECK(array.shape == arrays[i].shape);
    CHECK(array.bytes == contents[i]);
  }
  CHECK(error_of([&] { file.read("other"); }) == (folder / "all.npz") + ": has no array \"other\"");
}

TEST_CASE("deflated members, f16 numbers, versions 2 and 3, double quotes, comments and ZIP64 fields are read") {
  const std::string values = le(0x3c00, 2) + le(0xc000, 2);  // 1 and -2 in f16
  const std::string plain = npy(header_of("<f2", "(2,)"), values);
  const std::vector<float> expected = {1, -2};
  CHECK(read(Archive{.content = plain}.bytes()).as_f32() == expected);
  CHECK(read(Archive{.content = npy(header_of("<f2", "(2,)"), values, 2)}.bytes()).as_f32() == expected);
  CHECK(read(Archive{.content = npy(header_of("<f2", "(2,)"), values, 3)}.bytes()).as_f32() == expected);
  const std::string other_quotes = "{ \"shape\": (2,), 'fortran_order': True ,\"descr\":\"<f2\"}  \n";
  CHECK(read(Archive{.content = npy(other_quotes, values)}.bytes()).as_f32() == expected);

  Archive packed{.content = deflated(plain), .method = 8, .size = plain.size()};
  packed.crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(plain.data()), plain.size());
  CHECK(read(packed.bytes()).as_f32() == expected);

  std::string commented = Archive{.content = plain}.bytes();
  commented.replace(commented.size() - 2, 2, le(5, 2) + "hello");
  CHECK(read(commented).as_f32() == expected);

  Archive zip64{.content = plain, .size = 0xffffffff, .packed_size = 0xffffffff};
  zip64.extra = le(0x9999, 2) + le(1, 2) + "x" + le(1, 2) + le(16, 2) + le(plain.size(), 8) + le(plain.size(), 8);
  CHECK(read(zip64.bytes()).as_f32() == expected);
}

TEST_CASE("a file cut short anywhere cannot be opened") {
  const TempFolder folder;
  const std::string whole = small_file();
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    put_bytes(folder / "cut.npz", whole.substr(0, size));
    CHECK(error_of([&] { NpzFile::open(folder / "cut.npz"); }).starts_with(folder / "cut.npz"));
  }
}

TEST_CASE("a file with any one byte changed gives the same numbers or an error that names it") {
  const TempFolder folder;
  const std::string whole = small_file();
  put_bytes(folder / "x.npz", whole);
  const NpzFile good = NpzFile::open(folder / "x.npz");
  int errors = 0;
  for (size_t at = 0; at < whole.size(); ++at)
    for (const int change : {1, 0x80, 0xff}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      put_bytes(folder / "y.npz", bytes);
      const std::string error = error_of([&] {
        const NpzFile file = NpzFile::open(folder / "y.npz");
        for (const std::string name : {"a", "b"}) {
          const NpyArray read = file.read(name), before = good.read(name);
          CHECK(read.bytes == before.bytes);
          CHECK(read.shape == before.shape);
        }
      });
      if (!error.empty()) {
        ++errors;
        CHECK(error.starts_with(folder / "y.npz"));
      }
    }
  CHECK(errors > static_cast<int>(whole.size()));
}

TEST_CASE("every kind of malformed file is refused with its reason") {
  const std::string good = npy(header_of("<f4", "(1,)"), le(0, 4));
  const auto with_header = [](const std::string& header) { return Archive{.content = npy(header, le(0, 4))}.bytes(); };
  std::string many_parts = Archive{.content = good}.bytes();
  many_parts.replace(many_parts.size() - 18, 2, le(1, 2));
  std::string ones = "(1";
  for (int i = 0; i < 40; ++i) ones += ", 1";
  const std::pair<std::string, const char*> cases[] = {
      {"", "too few"},
      {"PK\3\4", "too few"},
      {std::string(100, 'x'), "not an .npz file"},
      {std::string(100, '\0'), "not an .npz file"},
      {many_parts, "several parts"},
      {Archive{.content = good, .method = 12}.bytes(), "packed by method 12"},
      {Archive{.content = good, .flags = 1}.bytes(), "encrypted"},
      {Archive{.content = good, .entries = 2}.bytes(), "there twice"},
      {Archive{.content = good, .size = 5}.bytes(), "two sizes differ"},
      {Archive{.content = good, .size = 500, .packed_size = 500}.bytes(), "outside the file"},
      {Archive{.content = good, .offset = 1}.bytes(), "its header is damaged"},
      {Archive{.content = good, .offset = 0xfffffff0}.bytes(), "outside the file"},
      {Archive{.content = good, .size = 0xffffffff, .packed_size = 0xffffffff}.bytes(), "outside the file"},
      {Archive{.content = good, .method = 8, .size = 0x7fffffff}.bytes(), "more than any cache"},
      {Archive{.content = good, .size = 0xffffffff, .extra = le(1, 2) + le(4, 2) + le(0, 4)}.bytes(),
       "entry is damaged"},
      {Archive{.content = good, .extra = le(1, 2) + le(900, 2)}.bytes(), "entry is damaged"},
      {Archive{.content = good, .crc = 7}.bytes(), "checksum"},
      {Archive{.content = good, .method = 8}.bytes(), "compressed bytes are damaged"},
      {Archive{.content = good, .method = 8, .size = 1 << 29}.bytes(), "which cannot be"},
      {Archive{.content = deflated(good) + "more", .method = 8, .size = good.size()}.bytes(), "compressed bytes"},
      {Archive{.name = "b.npy", .content = good}.bytes(), "no array \"a\""},
      {Archive{.name = "a", .content = good}.bytes(), "no array \"a\""},
      {Archive{.content = "hello numpy, are you there"}.bytes(), "not an array of numpy's"},
      {Archive{.content = "\x93NUMPY"}.bytes(), "not an array of numpy's"},
      {Archive{.content = npy(header_of("<f4", "(1,)"), le(0, 4), 9)}.bytes(), "version 9"},
      {Archive{.content = good.substr(0, 40)}.bytes(), "should have"},
      {Archive{.content = std::string("\x93NUMPY\2\0\xff\xff", 10)}.bytes(), "cut short"},
      {Archive{.content = std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12)}.bytes(), "should have 4294967295 bytes"},
      {with_header(""), "go on with {"},
      {with_header("[1, 2]"), "go on with {"},
      {with_header("{'descr': '<f4', 'shape': (1,)}"), "lacks fortran_order"},
      {with_header("{'fortran_order': False, 'shape': (1,)}"), "lacks descr"},
      {with_header("{'descr': '<f4', 'fortran_order': False}"), "lacks shape"},
      {with_header("{'descr': '<f4', 'descr': '<f4'}"), "\"descr\" twice"},
      {with_header("{'other': 1}"), "unknown key"},
      {with_header("{'descr': '<f4"), "does not end"},
      {with_header("{'descr': <f4}"), "should have a text"},
      {with_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), "should have a text"},
      {with_header(header_of("<f4", "(1,)") + "x"), "after the closing brace"},
      {with_header(header_of("<f4", "(1,)", "Maybe")), "go on with False"},
      {with_header(header_of(">f4", "(1,)")), "\">f4\" is none"},
      {with_header(header_of("|O", "(1,)")), "\"|O\" is none"},
      {with_header(header_of("<c8", "(1,)")), "\"<c8\" is none"},
      {with_header(header_of("<f4", "(1, 1)", "True")), "Fortran"},
      {with_header(header_of("<f4", "(-1,)")), "impossible size"},
      {with_header(header_of("<f4", "(1.5,)")), "go on with )"},
      {with_header(header_of("<f4", "(99999999999999999999,)")), "impossible size"},
      {with_header(header_of("<f4", "(4294967296, 4294967296)")), "impossible shape"},
      {with_header(header_of("<f4", "(4611686018427387904,)")), "impossible shape"},
      {with_header(header_of("|u1", "(4611686018427387904, 3, 0)")), "impossible shape"},
      {with_header(header_of("<f4", "1")), "go on with ("},
      {with_header(header_of("<f4", "(2,)")), "needs 8 bytes, there are 4"},
      {with_header(header_of("<f4", "()")).substr(0, 0), "too few"},
      {with_header(header_of("<f8", "(1,)")), "needs 8 bytes"},
      {with_header(header_of("<f4", "(" + std::string(33 * 2, '1') + ",)")), "impossible size"},
      {with_header(header_of("<f4", ones + ")")), "more than 32 dimensions"},
      {with_header(header_of("<f4", "(1,")), "impossible size"},
      {with_header(header_of("<f4", "(1 1)")), "go on with )"},
      {with_header(header_of("<f4", "(True,)")), "impossible size"},
      {with_header(header_of("<f4", "(1,)") + header_of("<f4", "(1,)")), "after the closing brace"},
      {with_header(header_of(std::string(30'000, 'x'), "(1,)")), "is none"},
      {with_header("{'" + std::string(30'000, 'k') + "': 1}"), "unknown key"},
      {with_header(std::string(30'000, '{')), "should have a text"},
      {with_header("{'descr': " + std::string(30'000, '(')), "should have a text"},
      {with_header("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(30'000, '(')), "impossible size"},
      {Archive{.name = std::string(65'000, 'n') + ".npy", .content = good, .flags = 1}.bytes(), "encrypted"},
      {Archive{.content = good, .packed_size = 0xfffffffe}.bytes(), "two sizes differ"},
      {Archive{.content = good, .entries = 1000}.bytes(), "there twice"},
      {Archive{.content = deflated(std::string(1 << 20, '\0')), .method = 8, .size = good.size()}.bytes(),
       "compressed bytes are damaged"},
      {"PK\5\6" + std::string(18, '\0'), "no array \"a\""},
      {"PK\5\6" + std::string(18, '\xff'), "cut short"},
  };
  CHECK(std::size(cases) >= 69);
  for (const auto& [bytes, message] : cases) {
    CAPTURE(message);
    const std::string error = error_of_reading(bytes);
    CAPTURE(error);
    CHECK(error.find(message) != std::string::npos);
    CHECK(error.find("x.npz") != std::string::npos);
    CHECK(error.size() < 1000);
  }
}

TEST_CASE("what numpy could not read is not written") {
  const std::vector<float> one = {1};
  const auto error = [&](std::vector<NpyToWrite> arrays) { return error_of([&] { serialize_npz(arrays); }); };
  const auto bytes = std::as_bytes(std::span(one));
  CHECK(error({{"a", DType::f32, {2}, bytes}}).find("which is not 4 bytes") != std::string::npos);
  CHECK(error({{"a", DType::f32, {1}, bytes}, {"a", DType::f32, {1}, bytes}}).find("two members") != std::string::npos);
  CHECK(error({{"a", DType::bf16, {2}, bytes}}).find("no type bf16") != std::string::npos);
  CHECK(error_of([] { NpyArray{DType::i64, {}, {}}.as_f32(); }).find("floating-point") != std::string::npos);
}
