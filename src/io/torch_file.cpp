#include "io/torch_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/shortened.h"
#include "io/declared_shape.h"
#include "io/pickle.h"
#include "io/zip_read.h"

namespace rankine {
namespace {

using Kind = PickleValue::Kind;
using Bytes = std::span<const std::byte>;

/// A checkpoint of a thousand tensors has some hundred kilobytes. The limit bounds the allocation for damaged or
/// hostile files.
constexpr uint64_t kMostPickleBytes = uint64_t{4} << 20;

/// PyTorch's own limit (MAX_DIMS).
constexpr size_t kMostDimensions = 64;

bool starts_with(Bytes bytes, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with(text);
}

/// The first bytes of files from before PyTorch 1.6: a pickle of its magic number.
bool is_old(Bytes bytes) { return starts_with(bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"); }

std::optional<DType> dtype_of_storage(std::string_view name) {
  static const std::map<std::string_view, DType> types = {
      {"FloatStorage", DType::f32},   {"HalfStorage", DType::f16}, {"BFloat16Storage", DType::bf16},
      {"DoubleStorage", DType::f64},  {"LongStorage", DType::i64}, {"IntStorage", DType::i32},
      {"ShortStorage", DType::i16},   {"CharStorage", DType::i8},  {"ByteStorage", DType::u8},
      {"BoolStorage", DType::boolean}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

/// The keys and values in turn if `value` is a dict or an OrderedDict; else nullptr.
const std::vector<const PickleValue*>* entries_of(const PickleValue& value) {
  if (value.is(Kind::dict)) return &value.items;
  return value.calls("collections", "OrderedDict") ? &value.entries : nullptr;
}

const PickleValue* find_entry(const std::vector<const PickleValue*>& entries, std::string_view key) {
  const PickleValue* found = nullptr;  // as in Python, the last one wins
  for (size_t i = 0; i + 1 < entries.size(); i += 2)
    if (entries[i]->is(Kind::text) && entries[i]->text == key) found = entries[i + 1];
  return found;
}

/// The arguments if `value` is a call of torch._utils' `function`; else nullptr.
const PickleValue* arguments_of(const PickleValue& value, std::string_view function) {
  return value.calls("torch._utils", function) && value.items[1]->is(Kind::tuple) ? value.items[1] : nullptr;
}

class TensorReader {
 public:
  TensorReader(Bytes file, std::string path)
      : file_(file), path_(std::move(path)), zip_(file, path_, "a file of PyTorch's") {
    for (const ZipMember& member : zip_.members()) members_.emplace(member.name, &member);
    const auto pickle = std::ranges::find_if(zip_.members(), [](const ZipMember& m) {
      return m.name.ends_with("/data.pkl") && m.name.find('/') == m.name.size() - 9;
    });
    check(pickle != zip_.members().end(), path_,
          ": a ZIP archive, but no file of PyTorch's: it has no data.pkl. Checkpoints are .safetensors or .ckpt files");
    check(pickle->size <= kMostPickleBytes, path_, ": its data.pkl is ", pickle->size,
          " bytes, more than any checkpoint's");
    folder_ = pickle->name.substr(0, pickle->name.size() - 8);
    pickle_ = zip_.unpack(*pickle);
    if (const auto order = members_.find(folder_ + "byteorder"); order != members_.end())
      check(starts_with(zip_.packed(*order->second), "little"), path_, ": it was saved on a big-endian machine");
  }

  std::vector<TensorInfo> tensors() {
    const Pickle pickle(pickle_, path_);
    const auto* entries = entries_of(pickle.value());
    if (const PickleValue* inner = entries ? find_entry(*entries, "state_dict") : nullptr) entries = entries_of(*inner);
    check(entries != nullptr, path_, ": PyTorch saved something else than a dict of tensors in it");
    std::map<std::string_view, TensorInfo> found;
    for (size_t i = 0; i + 1 < entries->size(); i += 2) {
      const PickleValue& key = *(*entries)[i];
      if (!key.is(Kind::text)) continue;
      if (auto info = tensor(key.text, *(*entries)[i + 1])) found.insert_or_assign(key.text, std::move(*info));
    }
    std::vector<TensorInfo> tensors;
    for (auto& [name, info] : found) tensors.push_back(std::move(info));
    std::ranges::stable_sort(tensors, {}, &TensorInfo::begin);
    return tensors;
  }

 private:
  /// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks), possibly inside
  /// _rebuild_parameter(tensor, requires_grad, backward_hooks).
  std::optional<TensorInfo> tensor(std::string_view name, const PickleValue& value) const {
    const PickleValue* parameter = arguments_of(value, "_rebuild_parameter");
    if (parameter && parameter->items.empty()) damaged(name);
    const PickleValue* arguments = arguments_of(parameter ? *parameter->items[0] : value, "_rebuild_tensor_v2");
    if (arguments == nullptr) return std::nullopt;
    const auto& given = arguments->items;
    if (given.size() < 4 || !given[0]->is(Kind::persistent) || !given[1]->is(Kind::integer)) damaged(name);
    const Storage storage = storage_of(name, *given[0]->items[0]);
    const Shape strides = numbers(name, *given[3]);
    TensorInfo info{.name = std::string(name), .dtype = storage.dtype, .shape = numbers(name, *given[2])};
    const std::optional<int64_t> claimed = claimed_count(info.shape);
    if (!claimed) damaged(name);
    const auto count = static_cast<uint64_t>(*claimed);
    check_row_major(info, strides, count);
    const uint64_t held = storage.bytes.size() / size_of(storage.dtype);
    const auto offset = static_cast<uint64_t>(given[1]->integer);
    check(given[1]->integer >= 0 && offset <= held && count <= held - offset, where(name), " is ", info.dtype,
          as_text(info.shape), " from element ", given[1]->integer, " on, but its storage holds ", held, " elements");
    info.begin = static_cast<uint64_t>(storage.bytes.data() - file_.data()) + offset * size_of(info.dtype);
    info.end = info.begin + count * size_of(info.dtype);
    return info;
  }

  struct Storage {
    DType dtype;
    Bytes bytes;
  };

  /// ("storage", type, key, device, count)
  Storage storage_of(std::string_view name, const PickleValue& id) const {
    const bool is_storage = id.is(Kind::tuple) && id.items.size() >= 3 && id.items[0]->is(Kind::text) &&
                            id.items[0]->text == "storage" && id.items[1]->is(Kind::global) &&
                            id.items[2]->is(Kind::text);
    if (!is_storage) damaged(name);
    const auto dtype = dtype_of_storage(id.items[1]->name);
    check(dtype.has_value(), where(name), " is stored as ", shortened(id.items[1]->name), ", which is not read");
    const auto member = members_.find(concat_text(folder_, "data/", id.items[2]->text));
    check(member != members_.end(), where(name), ": its bytes (data/", shortened(id.items[2]->text),
          ") are not in the file");
    check(!member->second->is_deflated, where(name), ": its bytes are compressed, which PyTorch never does");
    return {*dtype, zip_.packed(*member->second)};
  }

  Shape numbers(std::string_view name, const PickleValue& tuple) const {
    Shape all;
    if (!tuple.is(Kind::tuple) || tuple.items.size() > kMostDimensions) damaged(name);
    for (const PickleValue* item : tuple.items) {
      if (!item->is(Kind::integer) || item->integer < 0) damaged(name);
      all.push_back(item->integer);
    }
    return all;
  }

  void check_row_major(const TensorInfo& info, const Shape& strides, uint64_t count) const {
    if (strides.size() != info.shape.size()) damaged(info.name);
    int64_t expected = 1;
    for (size_t i = info.shape.size(); i-- > 0 && count > 0;) {
      check(info.shape[i] == 1 || strides[i] == expected, where(info.name), " ", as_text(info.shape),
            " is stored with strides ", as_text(strides),
            ", not row by row: load it in PyTorch and save .contiguous() tensors");
      expected *= info.shape[i];
    }
  }

  std::string where(std::string_view name) const { return concat_text(path_, ": tensor \"", shortened(name), "\""); }
  [[noreturn]] void damaged(std::string_view name) const {
    fail(where(name), " is described in a way that PyTorch does not: the file is damaged");
  }

  Bytes file_;
  std::string path_;
  ZipReader zip_;
  std::unordered_map<std::string_view, const ZipMember*> members_;
  std::string folder_;  // of all members: "archive/"
  std::vector<std::byte> pickle_;
};

}  // namespace

bool is_torch_file(Bytes bytes) { return starts_with(bytes, "PK\3\4") || is_old(bytes); }

TensorFile open_torch_file(const std::string& path) {
  MappedFile file(path);
  check(!is_old(file.bytes()), path,
        ": a file of PyTorch before 1.6, whose format is not read: torch.load and torch.save it with a newer one, or "
        "convert it to .safetensors");
  std::vector<TensorInfo> tensors = TensorReader(file.bytes(), path).tensors();
  return {path, std::move(file), 0, std::move(tensors)};
}

}  // namespace rankine
