#include "io/python_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "base/error.h"

namespace rankine {
namespace {

// Reads one code point of UTF-8 and moves `at` past it.
uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned char first = byte(at);
  const int extra = first < 0x80 ? 0 : first >> 5 == 6 ? 1 : first >> 4 == 14 ? 2 : first >> 3 == 30 ? 3 : -1;
  uint32_t code = extra <= 0 ? first : first & (0x3fu >> extra);
  for (int i = 1; i <= extra; ++i) {
    check(byte(at + i) >> 6 == 2, "\"", text, "\" is not UTF-8 at byte ", at, "; save the file it comes from as UTF-8");
    code = code << 6 | (byte(at + i) & 0x3fu);
  }
  constexpr uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  check(extra >= 0 && code >= smallest[extra] && code < 0x110000 && (code < 0xd800 || code > 0xdfff), "\"", text,
        "\" is not UTF-8 at byte ", at, "; save the file it comes from as UTF-8");
  at += 1 + extra;
  return code;
}

void append_escape(std::string& out, uint32_t unit) {
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 15];
}

}  // namespace

std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, end - buffer);  // "-1.25e-05"
  const size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const std::string sign = text[0] == '-' ? "-" : "";
  if (exponent < -4 || exponent >= 16) {  // Python's limits for the plain form
    const std::string mantissa = digits.size() == 1 ? digits : digits.substr(0, 1) + "." + digits.substr(1);
    const std::string magnitude = std::to_string(std::abs(exponent));
    return sign + mantissa + (exponent < 0 ? "e-" : "e+") + (magnitude.size() < 2 ? "0" : "") + magnitude;
  }
  if (exponent < 0) return sign + "0." + std::string(-exponent - 1, '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const uint32_t code = next_code_point(text, at);
    switch (code) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (code >= 0x10000) {  // a pair of surrogates
          append_escape(out, 0xd800 + ((code - 0x10000) >> 10));
          append_escape(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
        } else if (code < 0x20 || code > 0x7e) {
          append_escape(out, code);
        } else {
          out += static_cast<char>(code);
        }
    }
  }
  return out + '"';
}

std::string json_object(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "{";
  for (const auto& [key, value] : members) out += (out.size() > 1 ? ", " : "") + json_quoted(key) + ": " + value;
  return out + "}";
}

std::string json_array(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + value;
  return out + "]";
}

}  // namespace rankine
