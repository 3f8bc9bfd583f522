#include "io/toml_fault.h"

#include <fstream>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {

std::string toml_fault(const std::string& path, uint32_t line, std::string_view description) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  for (uint32_t i = 0; i < line && std::getline(in, text);) ++i;
  const bool has_path = text.find('"') != std::string::npos && text.find('\\') != std::string::npos;
  return concat_text(path, ":", line, ": this is not valid TOML: ", shortened(description),
                     has_path ? "; a path with backslashes stands in single quotes: 'C:\\pictures'" : "");
}

}  // namespace rankine
