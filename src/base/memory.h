#pragma once
#include <cstddef>
#include <string>

namespace rankine {

/// Bytes that this process occupies now (its resident set).
size_t resident_bytes();
/// Bytes that the system can still give without swapping.
size_t available_bytes();

/// "6GiB", "900M", "2.5g", a plain number of bytes; "auto": nine tenths of what is free now. Throws Error for anything
/// else, naming `option`.
size_t parse_memory(const std::string& text, const std::string& option);

}  // namespace rankine
