#include "watch/report/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "watch/progress.h"

namespace rankine {
namespace {

std::string formatted(const char* format, int precision, double value) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, precision, value);
  return buffer.data();
}

/// "12345.6" -> "12,345.6".
std::string grouped(std::string digits) {
  const size_t begin = digits.starts_with('-') ? 1 : 0;
  size_t end = std::min(digits.find('.'), digits.size());
  while (end > begin + 3) digits.insert(end -= 3, ",");
  return digits;
}

/// "1.50e-05" -> "1.5e-5", "2.000" -> "2".
std::string tidied(const std::string& text) {
  const size_t e = text.find('e');
  std::string digits = text.substr(0, e);
  if (digits.find('.') != std::string::npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.pop_back();
  }
  return e == std::string::npos ? digits : digits + "e" + std::to_string(std::stoi(text.substr(e + 1)));
}

/// Length of the UTF-8 character at the beginning of `text`; 0 when there is none (Unicode 15, table 3-7).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF)
    return continues(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && continues(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return continues(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && continues(2) && continues(3) ? 4
                                                                                                                  : 0;
  return 0;
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text[0];
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (length > 1) {
      out += text.substr(0, length);
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string relative_url(std::string_view path) {
  std::string url;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_./~").find(c) != std::string_view::npos;
    constexpr std::string_view hex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      url += c;
    } else {
      url += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return url;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  const double size = std::max(std::abs(value), step);
  if (step < 1e-3 && size < 0.1) {
    const int digits = std::max(
        0, static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9) - std::floor(std::log10(step) + 1e-9)));
    return tidied(formatted("%.*e", digits, value));
  }
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  return grouped(formatted("%.*f", decimals, value));
}

std::string number_text(double value, int digits) {
  if (!std::isfinite(value)) return "–";
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size < 1e-3 || size >= 1e9) return tidied(formatted("%.*e", digits - 1, value));
  const int decimals = std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(size) + 1e-12)));
  return grouped(tidied(formatted("%.*f", decimals, value)));
}

std::string time_text(double seconds) {
  if (seconds >= 60) return duration_text(seconds);
  if (seconds >= 1) return number_text(seconds) + " s";
  if (seconds > 0 && seconds < 1e-4) return "<0.1 ms";
  return seconds > 0 ? number_text(1000 * seconds, seconds < 0.01 ? 2 : 3) + " ms" : "0";
}

std::string percent_text(double share) {
  if (!std::isfinite(share)) return "–";
  if (share > 0 && share < 0.001) return "<0.1 %";
  return number_text(100 * share, share < 0.1 ? 2 : 3) + " %";
}

}  // namespace rankine
