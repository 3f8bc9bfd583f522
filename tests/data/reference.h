#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace rankine::test {

/// The folder of recorded numbers: RANKINE_REFERENCE, or the one kept in the project.
inline std::filesystem::path reference_folder() {
  if (const char* folder = std::getenv("RANKINE_REFERENCE"); folder && *folder) return folder;
  return std::filesystem::path(RANKINE_SOURCE_DIR) / "tests" / "reference";
}

/// Throws Error when the file is not there: a missing table must not look like a passed test.
inline nlohmann::json reference_json(const std::string& name) {
  const std::filesystem::path path = reference_folder() / name;
  std::ifstream in(path);
  check(in.good(), path.string(), " cannot be read; RANKINE_REFERENCE may name another folder of reference data");
  return nlohmann::json::parse(in);
}

}  // namespace rankine::test
