#include "io/path_text.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {
namespace {

struct Escape {
  char character, letter;
};
constexpr std::array escapes = {Escape{'\t', 't'}, Escape{'\n', 'n'}, Escape{'\r', 'r'}, Escape{'\b', 'b'},
                                Escape{'\f', 'f'}};

}  // namespace

std::string with_home(const std::string& path) {
  const char* home = std::getenv("HOME");
  const bool is_in_home = path == "~" || path.starts_with("~/");
  return home && *home && is_in_home ? home + path.substr(1) : path;
}

std::string with_escapes(const std::string& text) {
  std::string written;
  for (const char c : text) {
    const auto escape = std::ranges::find(escapes, c, &Escape::character);
    written += escape == escapes.end() ? std::string(1, c) : std::string{'\\', escape->letter};
  }
  return written;
}

std::string escapes_hint(const std::string& path) {
  std::string slashes = with_escapes(path);
  if (slashes == path) return "";
  std::ranges::replace(slashes, '\\', '/');
  return concat_text(
      "inside double quotes \\t is a tab and \\n a new line, so this is no path; write it with slashes: \"",
      shortened(slashes), "\"");
}

std::string missing_path_hint(const std::string& path) {
  const std::string hint = escapes_hint(path);
  if (!hint.empty()) return "; " + hint;
  return path.find('\\') == path.npos ? "" : "; this is a path of Windows: here / stands between the parts of a path";
}

}  // namespace rankine
