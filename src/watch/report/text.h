#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Escapes text for HTML, also for quoted attributes. Control characters become spaces, bytes that are not UTF-8 become
/// U+FFFD.
std::string html_text(std::string_view text);

/// A relative path as the address of a link: every special byte is percent-encoded.
std::string relative_url(std::string_view path);

/// A value on an axis whose ticks are `step` apart: "0.08", "2e-5", "1,500".
std::string tick_text(double value, double step);

/// `digits` significant digits, without zeros at the end: "0.0934", "1.5e-5", "12,345"; "–" if it is not finite.
std::string number_text(double value, int digits = 3);

/// "2:03:04", "9.1 s", "12.5 ms", "<0.1 ms".
std::string time_text(double seconds);

/// "12.3 %", "<0.1 %".
std::string percent_text(double share);

}  // namespace rankine
