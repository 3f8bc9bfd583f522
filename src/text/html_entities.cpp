#include "text/html_entities.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "text/assets.h"
#include "text/mojibake.h"
#include "text/unicode.h"

namespace rankine {
namespace {

using EntityTable = std::unordered_map<std::string, std::u32string>;

EntityTable load_entities() {
  EntityTable table;
  const std::string lines = gunzip(assets::html_entities_gz());
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);
    const std::string_view line = std::string_view(lines).substr(begin, end - begin);
    const size_t name_end = line.find(' ');
    std::u32string characters;
    for (const char* p = line.data() + name_end; p < line.data() + line.size();) {
      uint32_t c = 0;
      p = std::from_chars(p + 1, line.data() + line.size(), c, 16).ptr;  // + 1: the space
      characters += static_cast<char32_t>(c);
    }
    table.emplace(line.substr(0, name_end), characters);
    begin = end + 1;
  }
  // "&EACUTE;" is not HTML, but captions contain it.
  EntityTable upper;
  for (const auto& [name, characters] : table) {
    if (!std::ranges::all_of(name, [](char c) { return !(c >= 'A' && c <= 'Z'); })) continue;
    std::string capitals = name;
    for (char& c : capitals)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    upper.emplace(std::move(capitals), to_upper(characters));
  }
  table.merge(upper);  // HTML's own names override
  return table;
}

// "#123" or "#x7b" as HTML 5 reads it: numbers of C1 controls mean Windows-1252, impossible ones U+FFFD.
std::optional<std::u32string> numeric_reference(std::string_view name) {
  const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
  const std::string_view digits = name.substr(hex ? 2 : 1);
  uint32_t value = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (digits.empty() || end != digits.data() + digits.size()) return std::nullopt;
  if (status == std::errc::result_out_of_range || value == 0 || value > 0x10ffff ||
      (value >= 0xd800 && value <= 0xdfff))
    return std::u32string(1, 0xfffd);
  const char32_t c = value;
  return c >= 0x80 && c <= 0x9f ? fix_mojibake({&c, 1}) : std::u32string(1, c);
}

}  // namespace

std::u32string unescape_html(std::u32string_view text) {
  constexpr size_t longest_name = 40;  // HTML 5's longest has 31 letters
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == U'&') {
      std::string name;
      size_t end = i + 1;
      for (; end < text.size() && name.size() < longest_name; ++end) {
        const char32_t c = text[end];
        const bool usable = (c >= U'0' && c <= U'9') || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') ||
                            (c == U'#' && name.empty());
        if (!usable) break;
        name += static_cast<char>(c);
      }
      if (end < text.size() && text[end] == U';' && !name.empty()) {
        static const EntityTable entities = load_entities();
        std::optional<std::u32string> characters;
        if (name[0] == '#') {
          characters = numeric_reference(name);
        } else if (const auto found = entities.find(name); found != entities.end()) {
          characters = found->second;
        }
        if (characters) {
          out += *characters;
          i = end;
          continue;
        }
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace rankine
