#include "text/text_file.h"

#include <string_view>

#include "base/error.h"
#include "io/mapped_file.h"
#include "text/unicode.h"

namespace rankine {

TextFile read_text_file(const std::string& path, size_t most_bytes) {
  const MappedFile file(path);
  std::string_view bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  check(bytes.size() <= most_bytes, path, ": the file has ", bytes.size(), " bytes, at most ", most_bytes,
        " are read here: is it the right one?");
  check(!bytes.starts_with("\xFF\xFE") && !bytes.starts_with("\xFE\xFF"), path,
        ": the file is UTF-16: save it as UTF-8");
  TextFile out;
  out.has_byte_order_mark = bytes.starts_with("\xEF\xBB\xBF");
  if (out.has_byte_order_mark) bytes.remove_prefix(3);
  check(bytes.find('\0') == std::string_view::npos, path,
        ": the file holds a zero byte: it is UTF-16, no text, or damaged; save it as UTF-8");
  try {
    check_utf8(bytes);
  } catch (const Error& error) {
    fail(path, ": the file is not UTF-8: ", error.what());
  }
  out.text = bytes;
  return out;
}

}  // namespace rankine
