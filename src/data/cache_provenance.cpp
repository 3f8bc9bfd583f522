#include "data/cache_provenance.h"

#include <algorithm>

#include "base/error.h"

namespace rankine {
namespace {

std::string_view line_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(' ')) return line;
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return {};
}

}  // namespace

void check_provenance(const NpyArray& recorded, std::string_view here, std::span<const ProvenanceLine> lines) {
  const std::string_view there(reinterpret_cast<const char*>(recorded.bytes.data()), recorded.bytes.size());
  if (there == here) return;
  for (const ProvenanceLine& line : lines)
    if (line_of(there, line.name) != line_of(here, line.name)) fail(line.reason);
  fail("the record of its sources is malformed");
}

}  // namespace rankine
