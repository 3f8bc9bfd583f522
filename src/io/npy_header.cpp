#include "io/npy_header.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace rankine {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct TypeName {
  std::string_view text;
  DType dtype;
};
constexpr TypeName type_names[] = {
    {"<f4", DType::f32}, {"<f8", DType::f64}, {"<f2", DType::f16}, {"<i8", DType::i64},
    {"<i4", DType::i32}, {"<i2", DType::i16}, {"|i1", DType::i8},  {"<u8", DType::u64},
    {"<u4", DType::u32}, {"<u2", DType::u16}, {"|u1", DType::u8},  {"|b1", DType::boolean},
};

/// Reads the header's text, a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (4, 8, 8), }
class Literal {
 public:
  Literal(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

  void parse() {
    expect("{");
    while (!take("}")) {
      const std::string_view key = string();
      expect(":");
      check(seen_.insert(key).second, where_, ": its header has \"", key.substr(0, 40), "\" twice");
      if (key == "descr")
        descr = string();
      else if (key == "fortran_order")
        fortran_order = boolean();
      else if (key == "shape")
        shape = tuple();
      else
        fail(where_, ": its header has the unknown key \"", key.substr(0, 40), "\"");
      if (!take(",")) {
        expect("}");
        break;
      }
    }
    skip_space();
    check(rest_.empty(), where_, ": its header goes on after the closing brace");
    for (const std::string_view key : {"descr", "fortran_order", "shape"})
      check(seen_.contains(key), where_, ": its header lacks ", key);
  }

  std::string_view descr;
  bool fortran_order = false;
  Shape shape;

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n\t"), rest_.size())); }
  bool take(std::string_view text) {
    skip_space();
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) {
    check(take(text), where_, ": its header should go on with ", text, " at \"", rest_.substr(0, 20), "\"");
  }
  std::string_view string() {
    skip_space();
    check(!rest_.empty() && (rest_[0] == '\'' || rest_[0] == '"'), where_, ": its header should have a text at \"",
          rest_.substr(0, 20), "\"");
    const size_t end = rest_.find(rest_[0], 1);
    check(end != std::string_view::npos, where_, ": a text in its header does not end");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    if (take("True")) return true;
    expect("False");
    return false;
  }
  Shape tuple() {
    Shape dims;
    expect("(");
    while (!take(")")) {
      skip_space();
      int64_t dim = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dim);
      check(error == std::errc{} && dim >= 0, where_, ": its shape has the impossible size \"", rest_.substr(0, 24),
            "\"");
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      dims.push_back(dim);
      check(dims.size() <= 32, where_, ": more than 32 dimensions");
      if (!take(",")) {
        expect(")");
        break;
      }
    }
    return dims;
  }

  std::string_view rest_;
  const std::string& where_;
  std::set<std::string_view> seen_;
};

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  check(text.size() >= 10 && text.starts_with(kMagic), where, ": is not an array of numpy's");
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(text[at])); };
  const size_t version = byte(6);
  check(version >= 1 && version <= 3, where, ": version ", version, " of the .npy format is not known");
  const size_t begin = version == 1 ? 10 : 12;
  check(text.size() >= begin, where, ": is cut short in its header");
  size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  check(length <= text.size() - begin, where, ": its header should have ", length, " bytes, only ", text.size() - begin,
        " follow");

  Literal literal(text.substr(begin, length), where);
  literal.parse();
  const auto* type = std::ranges::find(type_names, literal.descr, &TypeName::text);
  check(type != std::end(type_names), where, ": its type \"", literal.descr.substr(0, 40),
        "\" is none of the little-endian numbers that can be read");
  check(!literal.fortran_order || literal.shape.size() < 2, where,
        ": is stored column by column (Fortran order), which cannot be read");
  return {type->dtype, std::move(literal.shape), begin + length};
}

std::string make_npy_header(DType dtype, const Shape& shape) {
  const auto* type = std::ranges::find(type_names, dtype, &TypeName::dtype);
  check(type != std::end(type_names), "npz: numpy has no type ", dtype);
  std::string text = concat_text("{'descr': '", type->text, "', 'fortran_order': False, 'shape': (");
  for (const int64_t dim : shape)
    text += concat_text(dim, shape.size() == 1 ? "," : (&dim == &shape.back() ? "" : ", "));
  text += "), }";
  constexpr size_t start = 10, alignment = 64;
  text.append(alignment - (start + text.size() + 1) % alignment, ' ');
  text += '\n';
  check(text.size() <= 0xffff, "npz: a shape of ", shape.size(), " dimensions is too long for a header");
  std::string header(kMagic);
  header += '\1';
  header += '\0';
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace rankine
