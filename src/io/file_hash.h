#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace rankine {

/// SHA-256 of a whole file in 64 hex digits: `ss_new_sd_model_hash`. Like sd-scripts, returns "NOFILE" for a missing
/// file and "IsADirectory" for a folder.
std::string sha256_of_file(const std::string& path);

/// First 8 hex digits of the SHA-256 of the 0x10000 bytes at offset 0x100000 (fewer or none in a short file):
/// `ss_sd_model_hash`. "NOFILE" and "IsADirectory" as above.
std::string window_hash_of_file(const std::string& path);

/// The same window of bytes in memory: `sshs_legacy_hash`. An empty window gives "e3b0c442".
std::string window_hash(std::span<const std::byte> bytes);

}  // namespace rankine
