#pragma once
#include "data/metadata_file.h"
#include "fuzz_file.h"

namespace rankine::fuzz {

/// Reads the input as a metadata file of the pictures of the fuzzer's folder, of which there is one.
inline void read_metadata(const uint8_t* data, size_t size, const char* name) {
  static const std::string picture = file_of(data, 0, "a.png");
  const std::string path = file_of(data, size, name);
  CaptionSettings settings;
  for (const bool has_wildcards : {false, true}) {
    settings.enable_wildcard = has_wildcards;
    read_or_refuse(path, [&] {
      read_metadata_file(path, folder().string(), settings,
                         [&](const std::string& fault) { check_message(fault, path); });
    });
  }
}

}  // namespace rankine::fuzz
