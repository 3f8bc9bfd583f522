#include "io/torch_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "io/temp_folder.h"

using namespace rankine;
using namespace std::string_literals;

namespace {

/// Where a member's content begins, after its local header (PKWARE's APPNOTE, 4.3.7).
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

  // What Python's pickletools reads as: {"a.w": _rebuild_tensor_v2(("storage", FloatStorage, "0", "cpu", 6), 0, (2, 3),
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
