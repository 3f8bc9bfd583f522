#include "cli/shell_text.h"

#include <cctype>
#include <fstream>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {

std::string shell_text(const std::vector<std::string>& words) {
  constexpr auto harmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";  // to a POSIX shell
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    if (!word.empty() && word.find_first_not_of(harmless) == std::string::npos) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
    text += '\'';
  }
  return text;
}

std::vector<std::string> shell_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : 0;
    // In double quotes a backslash escapes few characters and is itself before all others.
    const bool escapes = c == '\\' && next && quote != '\'' && (!quote || next == '"' || next == '\\');
    if (escapes) {
      word += next;
      ++i;
    } else if (quote ? c == quote : c == '\'' || c == '"') {
      quote = quote ? 0 : c;
    } else if (!quote && std::isspace(static_cast<unsigned char>(c))) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    } else {
      word += c;
    }
    in_word = true;
  }
  check(!quote, "the quote ", quote, " in ", shortened(text), " does not end");
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::string program_name() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string name;
  std::getline(in, name, '\0');
  return name.empty() ? "rankine" : name;
}

}  // namespace rankine
