#pragma once
#include <span>
#include <string>
#include <string_view>

namespace rankine {

/// For messages: `; the nearest is "NAME"` with the candidate of least edit distance; empty if none is near.
std::string nearest_hint(std::string_view wanted, std::span<const std::string_view> candidates);

}  // namespace rankine
