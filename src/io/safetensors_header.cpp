#include "io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/shortened.h"
#include "io/declared_shape.h"
#include "io/json_fault.h"

namespace rankine {
namespace {

/// Twice the limit of any tensor library.
constexpr size_t kMostDimensions = 64;

// The library's list of types in its order, by width. Types that we lack are errors.
constexpr std::array<std::pair<DType, std::string_view>, 15> dtypes{{
    {DType::boolean, "BOOL"},
    {DType::u8, "U8"},
    {DType::i8, "I8"},
    {DType::f8_e5m2, "F8_E5M2"},
    {DType::f8_e4m3, "F8_E4M3"},
    {DType::i16, "I16"},
    {DType::u16, "U16"},
    {DType::f16, "F16"},
    {DType::bf16, "BF16"},
    {DType::i32, "I32"},
    {DType::u32, "U32"},
    {DType::f32, "F32"},
    {DType::f64, "F64"},
    {DType::i64, "I64"},
    {DType::u64, "U64"},
}};

// Reads the header event by event: a tree would silently drop repeated names and allow any nesting.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const std::string& path, ParsedHeader& out) : path_(path), out_(out) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("true or false"); }
  bool number_integer(number_integer_t value) override {
    refuse("the negative number ", value, " is no size or offset");
  }
  bool number_float(number_float_t, const string_t& text) override {
    refuse(shortened(text, 40), " is not a whole number below 2^64");
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::shape) {
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) refuse("a dimension of ", value);
      if (tensor_.shape.size() == kMostDimensions) refuse("the shape has more than ", kMostDimensions, " dimensions");
      tensor_.shape.push_back(static_cast<int64_t>(value));
    } else if (state_ == State::offsets) {
      if (offsets_.size() == 2) refuse("data_offsets has more than two numbers");
      offsets_.push_back(value);
    } else {
      return unexpected("a number");
    }
    return true;
  }

  bool string(string_t& value) override {
    if (state_ == State::metadata) {
      out_.metadata[key_] = std::move(value);
    } else if (state_ == State::tensor && key_ == "dtype") {
      const auto dtype = dtype_of_safetensors_name(value);
      if (!dtype) refuse("unknown dtype \"", shortened(value, 40), "\"");
      tensor_.dtype = *dtype;
    } else {
      return unexpected("text");
    }
    return true;
  }

  bool start_object(size_t) override {
    if (state_ == State::start) {
      state_ = State::top;
    } else if (state_ == State::top) {
      fields_.clear();
      state_ = key_ == "__metadata__" ? State::metadata : State::tensor;
      if (state_ == State::tensor) tensor_ = {.name = key_};
      offsets_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& value) override {
    if (state_ == State::top) {
      if (!names_.insert(value).second)
        fail(path_, ": the name \"", shortened(value), "\" appears twice in the header");
    } else if (!fields_.insert(value).second) {
      refuse("the key \"", shortened(value), "\" appears twice");
    } else if (state_ == State::tensor && value != "dtype" && value != "shape" && value != "data_offsets") {
      refuse("unknown key \"", shortened(value), "\"");
    }
    key_ = std::move(value);
    return true;
  }

  bool end_object() override {
    if (state_ == State::tensor) {
      for (const char* field : {"dtype", "shape", "data_offsets"})
        if (!fields_.count(field)) refuse("no ", field);
      check_size();
      out_.tensors.push_back(std::move(tensor_));
      tensor_ = {};
    }
    state_ = state_ == State::top ? State::end : State::top;
    return true;
  }

  bool start_array(size_t) override {
    if (state_ == State::tensor && key_ == "shape")
      state_ = State::shape;
    else if (state_ == State::tensor && key_ == "data_offsets")
      state_ = State::offsets;
    else
      return unexpected("a list");
    return true;
  }

  bool end_array() override {
    if (state_ == State::offsets && offsets_.size() != 2) refuse("data_offsets needs two numbers");
    state_ = State::tensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    fail(path_, ": the header is not valid JSON (at its byte ", position, "): ", json_fault(error.what()),
         ": is this a safetensors file, and was it copied whole?");
  }

 private:
  enum class State { start, top, metadata, tensor, shape, offsets, end };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    switch (state_) {
      case State::start:
        fail(path_, ": header: ", parts...);
      case State::metadata:
        fail(path_, ": __metadata__: ", parts...);
      case State::top:
        fail(path_, ": \"", shortened(key_), "\": ", parts...);
      default:
        fail(path_, ": tensor \"", shortened(tensor_.name), "\": ", parts...);
    }
  }

  bool unexpected(const char* what) const {
    switch (state_) {
      case State::start:
        refuse("expected an object, got ", what);
      case State::top:
        refuse("expected an object, got ", what);
      case State::metadata:
        refuse("\"", shortened(key_), "\" must be text, got ", what);
      case State::shape:
        refuse("shape must be a list of whole numbers, got ", what);
      case State::offsets:
        refuse("data_offsets must be a list of two whole numbers, got ", what);
      default:
        refuse("unexpected ", what, " for ", shortened(key_));
    }
  }

  // Checks that shape, type and offsets of a tensor agree; checks every product for overflow before computing it.
  void check_size() {
    const uint64_t begin = offsets_[0], end = offsets_[1];
    if (begin > end) refuse("data_offsets [", begin, ", ", end, "] end before they begin");
    const std::optional<int64_t> count = claimed_count(tensor_.shape);
    if (!count) refuse("the shape ", as_text(tensor_.shape), " has more than 2^63 elements");
    uint64_t size = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(*count), size_of(tensor_.dtype), &size))
      refuse("the shape ", as_text(tensor_.shape), " has more than 2^64 bytes");
    if (size != end - begin)
      refuse(tensor_.dtype, as_text(tensor_.shape), " needs ", size, " bytes, but data_offsets [", begin, ", ", end,
             "] hold ", end - begin);
    tensor_.begin = begin;
    tensor_.end = end;
  }

  const std::string& path_;
  ParsedHeader& out_;
  State state_ = State::start;
  std::string key_;
  TensorInfo tensor_;
  std::vector<uint64_t> offsets_;
  std::set<std::string> fields_;
  std::unordered_set<std::string> names_;
};

}  // namespace

std::string_view safetensors_name_of(DType dtype) {
  return dtypes[static_cast<size_t>(safetensors_rank_of(dtype))].second;
}

std::optional<DType> dtype_of_safetensors_name(std::string_view name) {
  for (const auto& [dtype, spelled] : dtypes)
    if (spelled == name) return dtype;
  return std::nullopt;
}

int safetensors_rank_of(DType dtype) {
  for (size_t i = 0; i < dtypes.size(); ++i)
    if (dtypes[i].first == dtype) return static_cast<int>(i);
  fail("element type ", dtype, " has no safetensors name");
}

ParsedHeader parse_safetensors_header(std::string_view json, uint64_t data_size, const std::string& path) {
  ParsedHeader header;
  HeaderReader reader(path, header);
  check(!json.empty() && json.front() == '{', path,
        ": the header does not start with '{': this is not a safetensors file");
  // The JSON library takes a zero byte for the end of its input and would ignore the rest.
  check(json.find('\0') == json.npos, path, ": the header is not valid JSON: it holds a zero byte");
  nlohmann::json::sax_parse(json, &reader);
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t position = 0;
  for (const TensorInfo& tensor : header.tensors) {
    check(tensor.begin >= position, path, ": tensor \"", shortened(tensor.name), "\" begins at byte ", tensor.begin,
          " of the data, inside the one before, which ends at ", position);
    check(tensor.begin == position, path, ": tensor \"", shortened(tensor.name), "\" begins at byte ", tensor.begin,
          " of the data, but the one before ends at ", position, ": nothing may lie between");
    check(tensor.end <= data_size, path, ": tensor \"", shortened(tensor.name), "\" ends at byte ", tensor.end,
          " of the data, but the file holds only ", data_size, ": it was cut short, copy or download it again");
    position = tensor.end;
  }
  check(position == data_size, path, ": ", data_size - position, " bytes follow the last tensor: the file is damaged");
  return header;
}

}  // namespace rankine
