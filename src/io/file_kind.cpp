#include "io/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/shortened.h"

namespace rankine {
namespace {

struct Kind {
  std::string_view start;  // in lower case where it is text
  std::string_view what;
};
constexpr Kind kinds[] = {
    {"version https://git-lfs", "a pointer of Git LFS, not the file itself: run git lfs pull, or download it again"},
    {"<!doctype", "a web page, as a download leaves that needs a login or has a wrong link: download it again"},
    {"<html", "a web page, as a download leaves that needs a login or has a wrong link: download it again"},
    {"<?xml", "an XML text, such as a server's error: download it again"},
    {"{", "a JSON text, such as a server's error or a configuration"},
    {"gguf", "a GGUF file, whose weights are quantised: use the .safetensors file of the model"},
    {"\x89png", "a picture"},
    {"\xff\xd8\xff", "a picture"},
    {"7z\xbc\xaf", "a 7-Zip archive: unpack it"},
    {"rar!", "a RAR archive: unpack it"},
    {"\x1f\x8b", "a gzip archive: unpack it"},
};

bool is_text(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](unsigned char c) { return std::isprint(c) || std::isspace(c); });
}

}  // namespace

std::string other_kind_of_file(std::span<const std::byte> bytes) {
  constexpr size_t longest = 64;
  std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (all.starts_with("\xEF\xBB\xBF")) all.remove_prefix(3);
  while (!all.empty() && std::isspace(static_cast<unsigned char>(all.front()))) all.remove_prefix(1);
  std::string start(all.substr(0, longest));
  std::ranges::transform(start, start.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Kind& kind : kinds)
    if (start.starts_with(kind.start)) return std::string(kind.what);
  if (!start.empty() && is_text(all.substr(0, longest)))
    return "a text that begins with \"" + shortened(all.substr(0, all.find('\n')), 40) + "\"";
  return "";
}

}  // namespace rankine
