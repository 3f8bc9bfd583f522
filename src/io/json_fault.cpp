#include "io/json_fault.h"

#include "base/shortened.h"

namespace rankine {

std::string json_fault(std::string_view text) {
  if (text.starts_with("[json.exception")) text.remove_prefix(text.find(']') + 1);
  for (const std::string_view start : {" ", "parse error at ", "parse error: "})
    if (text.starts_with(start)) text.remove_prefix(start.size());
  return shortened(text);
}

}  // namespace rankine
