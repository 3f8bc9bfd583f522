#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Replaces `&name;`, `&NAME;` (of a name with a lower-case form), `&#123;` and `&#x7b;` by their characters, once;
/// what is no reference, or has no semicolon, stays.
std::u32string unescape_html(std::u32string_view text);

}  // namespace rankine
