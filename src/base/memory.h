#pragma once
#include <cstddef>
#include <string>

namespace rankine {

/// Bytes that this process occupies now (its resident set).
size_t resident_bytes();
/// Bytes that the system can still give without swapping, and bytes that it has.
size_t available_bytes();
size_t total_bytes();

/// Reads "6GiB", "900M", "2.5g" or a plain number of bytes; "auto" gives `automatic`. Throws Error for anything else,
/// naming `option`.
size_t parse_memory(const std::string& text, const std::string& option, size_t automatic);

}  // namespace rankine
