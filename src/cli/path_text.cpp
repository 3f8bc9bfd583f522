#include "cli/path_text.h"

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

/// The text with a backslash and a letter in place of each character that such an escape makes.
std::string as_written(const std::string& text) {
  std::string written;
  for (const char c : text) {
    const auto escape = std::ranges::find(escapes, c, &Escape::character);
    written += escape == escapes.end() ? std::string(1, c) : std::string{'\\', escape->letter};
  }
  return written;
}

}  // namespace

std::string with_home(const std::string& path, const std::string& where, std::vector<std::string>& notes) {
  const char* home = std::getenv("HOME");
  if (!home || !*home || (path != "~" && !path.starts_with("~/"))) return path;
  const std::string whole = home + path.substr(1);
  notes.push_back(concat_text(where, ": ~ is the home folder: ", shortened(whole)));
  return whole;
}

void refuse_escapes(const Flag& flag, const std::vector<std::string>& texts, const std::string& where) {
  if (!flag.is_path) return;
  for (const std::string& text : texts) {
    const std::string written = as_written(text);
    if (written == text) continue;
    std::string slashes = written;
    std::ranges::replace(slashes, '\\', '/');
    fail(where, ": \"", shortened(written),
         "\": inside double quotes \\t is a tab and \\n a new line, so this is no path; write it with slashes: \"",
         shortened(slashes), "\"");
  }
}

}  // namespace rankine
