#include "data/tag_frequency.h"

#include <algorithm>

#include "text/unicode.h"

namespace rankine {

void TagCounter::add(std::string_view caption) {
  while (!caption.empty()) {
    const size_t end = std::min(caption.find(','), caption.size());
    const std::string_view tag = strip(caption.substr(0, end));
    caption.remove_prefix(std::min(end + 1, caption.size()));
    if (tag.empty()) continue;
    const std::string name = encode_utf8(to_lower(decode_utf8(tag)));
    const auto [found, is_new] = index_.try_emplace(name, frequency_.tags.size());
    if (is_new) frequency_.tags.emplace_back(name, 0);
    ++frequency_.tags[found->second].second;
  }
}

}  // namespace rankine
