#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Replaces `&name;`, `&NAME;` (of a name with a lower-case form), `&#123;` and `&#x7b;` by their characters, once.
/// Other text stays, and so do references without a semicolon.
std::u32string unescape_html(std::u32string_view text);

}  // namespace rankine
