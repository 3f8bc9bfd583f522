#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace rankine {

/// The kind of a file that is no file of weights, by its first bytes, with the way out: "a web page, as a download
/// leaves ...". For messages; empty if the bytes tell nothing.
std::string other_kind_of_file(std::span<const std::byte> bytes);

}  // namespace rankine
