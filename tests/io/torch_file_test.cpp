#include "io/torch_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "io/temp_folder.h"
#include "io/zip_write.h"
#include "support/source_dir.h"

using namespace rankine;
using namespace std::string_literals;

namespace {

/// The offset of a member's content, after its local header (PKWARE's APPNOTE, 4.3.7).
size_t content_of(const std::string& zip, const std::string& name) {
  for (size_t at = zip.find("PK\3\4"); at != std::string::npos; at = zip.find("PK\3\4", at + 1)) {
    uint16_t name_size = 0, extra_size = 0;
    std::memcpy(&name_size, zip.data() + at + 26, 2);
    std::memcpy(&extra_size, zip.data() + at + 28, 2);
    if (zip.compare(at + 30, name_size, name) == 0 && name_size == name.size()) return at + 30 + name_size + extra_size;
  }
  FAIL("no member ", name);
  return 0;
}

std::string made_by_torch(const std::string& name) { return source_dir() + "/tests/io/torch/" + name; }

/// An archive of PyTorch's with this pickle and one storage of four bytes, "0".
std::string archive(const std::string& pickle) {
  ZipWriter zip("test");
  zip.add("archive/data.pkl", pickle, {});
  zip.add("archive/data/0", "\0\0\x80\x3f"s, {});
  return zip.finish();
}

/// The pickle of {"a": tensor}, with other parts where they are given.
struct TensorPickle {
  std::string storage = "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuK\1tQ"s;
  std::string offset = "K\0"s, shape = "K\1\x85", strides = "K\1\x85";

  std::string tensor() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + offset + shape + strides +
           "\x89"
           "ccollections\nOrderedDict\n)RtR";
  }
  std::string bytes() const { return "\x80\2}X\1\0\0\0a"s + tensor() + "s."; }
};

std::string fault(const std::vector<TensorToWrite>& tensors) {
  return error_of([&] { serialize_torch(tensors); });
}

}  // namespace

TEST_CASE("a file for torch.load is a pickle of the tensors' shapes beside their bytes, each at a multiple of 64") {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const std::vector<uint16_t> halves(300, 0x3c00);
  const std::vector<TensorToWrite> tensors = {{"a.w", DType::f32, {2, 3}, std::as_bytes(std::span(values))},
                                              {"b", DType::f16, {300}, std::as_bytes(std::span(halves))},
                                              {"c", DType::bf16, {}, std::as_bytes(std::span(halves).first(1))}};
  const std::string file = serialize_torch(tensors);
  CHECK(serialize_torch(tensors) == file);
  for (const char* name : {"data.pkl", "byteorder", "version", "data/0", "data/1", "data/2"})
    CHECK(content_of(file, "archive/"s + name) % 64 == 0);
  CHECK(std::memcmp(file.data() + content_of(file, "archive/data/0"), values.data(), 24) == 0);
  CHECK(std::memcmp(file.data() + content_of(file, "archive/data/1"), halves.data(), 600) == 0);

  // Python's pickletools reads it as: {"a.w": _rebuild_tensor_v2(("storage", FloatStorage, "0", "cpu", 6), 0, (2, 3),
  // (3, 1), False, OrderedDict())}
  const std::string first =
      "\x80\x02}("
      "X\x03\0\0\0a.w"
      "ctorch._utils\n_rebuild_tensor_v2\n("
      "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
      "0X\x03\0\0\0cpuK\x06tQ"
      "K\0(K\x02K\x03t(K\x03K\x01t\x89"
      "ccollections\nOrderedDict\n)RtR"s;
  const std::string pickle = file.substr(content_of(file, "archive/data.pkl"), first.size() + 400);
  CHECK(pickle.substr(0, first.size()) == first);
  CHECK(pickle.find("HalfStorage\nX\x01\0\0\0"
                    "1X\x03\0\0\0cpuJ\x2c\x01\0\0tQK\0(J\x2c\x01\0\0t(K\x01t"s) != std::string::npos);
  CHECK(pickle.find("BFloat16Storage\nX\x01\0\0\0"
                    "2X\x03\0\0\0cpuK\x01tQK\0(t(t"s) != std::string::npos);
}

TEST_CASE("what torch could not read back is an error") {
  const std::vector<float> values = {1, 2};
  const auto bytes = std::as_bytes(std::span(values));
  CHECK(fault({}) == "");
  CHECK(fault({{"a", DType::f32, {3}, bytes}}).find("which is not 8 bytes") != std::string::npos);
  CHECK(fault({{"a", DType::i32, {2}, bytes}}).find("not one of f32, f16 and bf16") != std::string::npos);
  CHECK(fault({{"a", DType::f32, {2}, bytes}, {"a", DType::f32, {2}, bytes}}).find("two tensors") != std::string::npos);
}

TEST_CASE("files of torch.save are read: nested in a checkpoint or alone, views, parameters, every protocol") {
  for (const char* name : {"lightning.ckpt", "protocol4.pt"}) {
    CAPTURE(name);
    const TensorFile file = TensorFile::open(made_by_torch(name));
    CHECK(file.metadata().empty());
    CHECK(file.tensors().size() == 6);
    CHECK(file.at("a.weight").shape == Shape{2, 3});
    CHECK(file.read_f32("a.weight") == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(file.at("a.half").dtype == DType::f16);
    CHECK(file.read_f32("a.half") == std::vector<float>{1.5, -2});
    CHECK(file.read_i32("ids") == std::vector<int32_t>{3, 4});
    CHECK(file.at("p").dtype == DType::bf16);
    CHECK(file.read_f32("p") == std::vector<float>{7});
    CHECK(file.read_f32("view") == std::vector<float>{4, 5, 6, 7});
    CHECK(file.at("scalar").shape.empty());
    CHECK(file.read_f32("scalar") == std::vector<float>{4});
    CHECK(file.find("note") == nullptr);
  }
}

TEST_CASE("what is written for torch.load is read again") {
  const TempFolder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  put_bytes(folder / "x.pt",
            serialize_torch(std::vector<TensorToWrite>{{"w", DType::f32, {2, 3}, std::as_bytes(std::span(values))},
                                                       {"none", DType::f32, {0, 3}, {}}}));
  const TensorFile file = TensorFile::open(folder / "x.pt");
  CHECK(file.read_f32("w") == values);
  CHECK(file.at("none").shape == Shape{0, 3});
}

TEST_CASE("files of PyTorch that are not read say why and what to do") {
  const auto error = [](const char* name) { return error_of([&] { TensorFile::open(made_by_torch(name)); }); };
  CHECK(error("transposed.pt").find("\"t\" [5, 2] is stored with strides [1, 5], not row by row") != std::string::npos);
  CHECK(error("before_1_6.pt").find("before 1.6") != std::string::npos);
}

TEST_CASE("every kind of malformed or hostile file of PyTorch's is refused with its reason") {
  const TempFolder folder;
  const std::string path = folder / "x.ckpt";
  const auto error = [&](const std::string& bytes) {
    put_bytes(path, bytes);
    return error_of([&] { TensorFile::open(path); });
  };
  CHECK(error(archive(TensorPickle{}.bytes())).empty());
  ZipWriter other("test");
  other.add("readme.txt", "hello", {});
  ZipWriter large("test");
  large.add("archive/data.pkl", std::string((4 << 20) + 1, '\0'), {});
  ZipWriter big("test");
  big.add("archive/data.pkl", TensorPickle{}.bytes(), {});
  big.add("archive/byteorder", "big", {});
  const auto storage = [](const std::string& text) { return archive(TensorPickle{.storage = text}.bytes()); };
  const auto shape = [](const std::string& s) { return archive(TensorPickle{.shape = s}.bytes()); };
  const auto pickle = [](const std::string& text) { return archive("\x80\2" + text); };
  const std::pair<std::string, const char*> cases[] = {
      {"PK\3\4", "too few"},
      {"PK\3\4" + std::string(100, '\0'), "is cut short"},
      {other.finish(), "no data.pkl"},
      {large.finish(), "more than any checkpoint's"},
      {big.finish(), "big-endian"},
      {archive(""), "cut short"},
      {archive("hello"), "protocol 2 or later"},
      {archive("\x80\7."), "protocols 2 to 5"},
      {pickle("."), "nothing is on the stack"},
      {pickle("N"), "cut short"},
      {pickle("N."), "something else than a dict"},
      {pickle("]."), "something else than a dict"},
      {pickle("}X\12\0\0\0state_dictNs."s), "something else than a dict"},
      {pickle("("), "cut short"},
      {pickle("(."), "nothing is on the stack"},
      {pickle("t."), "there is no mark"},
      {pickle("(0."), "nothing is on the stack"},
      {pickle("}(NNNu."), "a key has no value"},
      {pickle("]NNs."), "what holds none"},
      {pickle("}Na."), "what holds none"},
      {pickle("h\7."), "a value that is not there"},
      {pickle("X\xff\xff\xff\xffx"), "cut short"},
      {pickle("\x8d\xff\xff\xff\xff\xff\xff\xff\xffx"), "cut short"},
      {pickle("\x8b\xff\xff\xff\xffx"), "cut short"},
      {pickle("cos"), "a line has no end"},
      {pickle("cos\nsystem\nX\2\0\0\0ls\x85R."s), "something else than a dict"},
      {pickle("NN\x93."), "a class has no name"},
      {pickle("I1\n."), "opcode 73"},
      {storage("N"), "\"a\" is described in a way"},
      {storage("NQ"), "\"a\" is described in a way"},
      {storage(")Q"), "\"a\" is described in a way"},
      {storage("(X\7\0\0\0storagectorch\nQInt8Storage\nX\1\0\0\0000tQ"s), "stored as QInt8Storage"},
      {storage("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0001tQ"s), "(data/1) are not in the file"},
      {shape("N"), "is described in a way"},
      {shape("J\xff\xff\xff\xff\x85"), "is described in a way"},
      {shape("NN\x86"), "is described in a way"},
      {shape("K\1K\1\x86"), "is described in a way"},
      {shape("K\2\x85"), "its storage holds 1 elements"},
      {archive(TensorPickle{.shape = "(" + std::string(100'000, 'N') + "t"}.bytes()), "is described in a way"},
      {archive(TensorPickle{.shape = "\x8a\10\0\0\0\0\0\0\0\x40\x8a\10\0\0\0\0\0\0\0\x40\x86"s, .strides = "K\1K\1\x86"}
                   .bytes()),
       "is described in a way"},
      {archive(TensorPickle{.shape = "\x8a\10\0\0\0\0\0\0\0\x40K\3K\0\x87"s, .strides = "K\1K\1K\1\x87"}.bytes()),
       "is described in a way"},
      {archive(TensorPickle{.offset = "K\1"}.bytes()), "from element 1 on"},
      {archive(TensorPickle{.offset = "J\xff\xff\xff\xff"}.bytes()), "from element -1 on"},
  };
  for (const auto& [bytes, message] : cases) {
    CAPTURE(message);
    const std::string said = error(bytes);
    CAPTURE(said);
    CHECK(said.find(message) != std::string::npos);
    CHECK(said.find(path) != std::string::npos);
  }
  // A dict that holds itself, and a million of brackets: nothing is walked without bound.
  CHECK(error(pickle("}q\0X\1\0\0\0ah\0s."s)).empty());
  CHECK(error(pickle(std::string(1'000'000, '(') + std::string(1'000'000, 't') + ".")).find("something else") !=
        std::string::npos);
}

TEST_CASE("a file of PyTorch's cut short anywhere is refused, and with any byte changed it is read or refused") {
  const TempFolder folder;
  const std::string path = folder / "x.ckpt", whole = get_bytes(made_by_torch("lightning.ckpt"));
  REQUIRE(whole.size() > 1000);
  for (size_t size = 0; size < whole.size(); ++size) {
    put_bytes(path, whole.substr(0, size));
    CHECK(!error_of([&] { TensorFile::open(path); }).empty());
  }
  for (size_t at = 0; at < whole.size(); ++at)
    for (const char change : {'\1', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      put_bytes(path, changed);
      error_of([&] {
        const TensorFile file = TensorFile::open(path);
        for (const TensorInfo& info : file.tensors())
          if (info.dtype != DType::i64) file.read_f32(info.name);
      });
    }
}
