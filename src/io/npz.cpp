#include "io/npz.h"

#include "base/error.h"
#include "base/shortened.h"
#include "io/convert.h"
#include "io/declared_shape.h"
#include "io/npy_header.h"

namespace rankine {
namespace {

/// More than any cache needs. It bounds the allocation for damaged or hostile headers.
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

}  // namespace

std::vector<float> NpyArray::as_f32() const {
  check(dtype == DType::f32 || dtype == DType::f16 || dtype == DType::f64, "an array of ", dtype,
        " where floating-point numbers were expected");
  std::vector<float> values(static_cast<size_t>(count_of(shape)));
  convert_to_f32(dtype, bytes, values);
  return values;
}

NpzFile NpzFile::open(const std::string& path) {
  NpzFile npz;
  npz.path_ = path;
  npz.file_ = MappedFile(path);
  npz.zip_ = ZipReader(npz.file_.bytes(), path, "an .npz file");
  for (const ZipMember& member : npz.zip_.members()) {
    if (!member.name.ends_with(".npy")) continue;
    const std::string where = concat_text(path, ": \"", shortened(member.name, 80), "\"");
    check(member.size <= kMostBytes, where, " is ", member.size, " bytes, more than any cache");
    const std::string name = member.name.substr(0, member.name.size() - 4);
    check(npz.members_.emplace(name, &member).second, where, " is there twice");
  }
  return npz;
}

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, unused] : members_) names.push_back(name);
  return names;
}

NpyArray NpzFile::read(std::string_view name) const {
  const auto member = members_.find(name);
  check(member != members_.end(), path_, ": has no array \"", name, "\"");
  std::vector<std::byte> bytes = zip_.unpack(*member->second);
  const std::string where = concat_text(path_, ": \"", shortened(name, 80), "\"");
  NpyHeader header = parse_npy_header(bytes, where);
  const std::optional<int64_t> elements = claimed_count(header.shape);
  uint64_t size = 0;
  check(elements && !__builtin_mul_overflow(static_cast<uint64_t>(*elements), size_of(header.dtype), &size), where,
        ": impossible shape ", as_text(header.shape));
  check(bytes.size() - header.size == size, where, ": ", header.dtype, as_text(header.shape), " needs ", size,
        " bytes, there are ", bytes.size() - header.size);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header.size));
  return {header.dtype, std::move(header.shape), std::move(bytes)};
}

}  // namespace rankine
