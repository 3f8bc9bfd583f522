#pragma once
#include <cstddef>
#include <string>

namespace rankine {

/// Bytes that this process occupies now (its resident set).
size_t resident_bytes();
/// Bytes that this process can still get without swapping: the least that the system, its control groups (containers)
/// and a limit on its address space (ulimit -v) allow.
size_t available_bytes();
/// True if the address space is limited (ulimit -v).
bool address_space_is_limited();
/// Bytes of the system, or of its smallest control group's limit.
size_t total_bytes();

/// Reads "6GiB", "900M", "2.5g" or a plain number of bytes; "auto" gives `automatic`. Throws Error for anything else,
/// naming `option`.
size_t parse_memory(const std::string& text, const std::string& option, size_t automatic);

}  // namespace rankine
