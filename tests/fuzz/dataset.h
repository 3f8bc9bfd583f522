#pragma once
#include "data/dataset_config.h"
#include "fuzz_file.h"

namespace rankine::fuzz {

/// Reads the input as a dataset file; its name's suffix says in which language.
inline void read_dataset(const uint8_t* data, size_t size, const char* name) {
  const std::string path = file_of(data, size, name);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  read_or_refuse(path, [&] { read_dataset_config(path, defaults); });
}

}  // namespace rankine::fuzz
