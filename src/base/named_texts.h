#pragma once
#include <string>
#include <utility>
#include <vector>

namespace rankine {

/// Pairs of name and text, in display order.
using NamedTexts = std::vector<std::pair<std::string, std::string>>;

}  // namespace rankine
