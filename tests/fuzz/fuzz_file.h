// Shared by all fuzzers: a file with the fuzzer's bytes, and the ways in which a reader may end.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"

namespace rankine::fuzz {

/// A folder of this process, removed with everything in it at the end; scripts/fuzz.sh has it in memory.
inline const std::filesystem::path& folder() {
  struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("rankine-fuzz-" + std::to_string(::getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
  };
  static const Folder instance;
  return instance.path;
}

/// Writes the input to a file of that name in the folder, in the place of the one before. Gives its path.
inline std::string file_of(const uint8_t* data, size_t size, const char* name) {
  log::set_level(log::Level::error);  // a warning an input would be most of the work
  const std::string path = (folder() / name).string();
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  return path;
}

/// Ends the run with a finding unless a message tells which file is meant and can be read.
inline void check_message(std::string_view message, std::string_view path) {
  constexpr size_t longest = 4000;
  const bool is_named = message.find(path) != std::string_view::npos;
  if (is_named && message.size() < longest) return;
  std::fprintf(stderr, "%s: %.*s\n", is_named ? "a message of this length" : "a message that does not name its file",
               static_cast<int>(std::min(message.size(), longest)), message.data());
  std::abort();
}

/// A reader reads its file, or refuses it with an Error that names it; libFuzzer tells of anything else.
template <class Read>
void read_or_refuse(const std::string& path, Read read) {
  try {
    read();
  } catch (const Error& error) {
    check_message(error.what(), path);
  }
}

}  // namespace rankine::fuzz
