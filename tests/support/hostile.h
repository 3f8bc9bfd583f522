// Files that are wrong on purpose, and what every reader of a user's files owes for each of them.
#pragma once
#include <doctest/doctest.h>

#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"

namespace rankine::test {

struct HostileFile {
  std::string what;
  std::string bytes;
  const char* message;  ///< a part of what the Error must say
};

inline std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

/// Writes each file to `path` and reads it: an Error that names the file, says what is wrong and stays readable, in a
/// few seconds of processor time.
template <class Read>
void check_refused(const std::vector<HostileFile>& files, const std::string& path, Read read) {
  for (const HostileFile& file : files) {
    CAPTURE(file.what);
    std::ofstream(path, std::ios::binary) << file.bytes;
    std::string error = "no error";
    const std::clock_t begin = std::clock();
    try {
      read();
    } catch (const Error& thrown) {
      error = thrown.what();
    }
    const auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    CAPTURE(error);
    CHECK(error.find(path) != std::string::npos);
    CHECK(error.find(file.message) != std::string::npos);
    CHECK(error.size() < 2000);
    CHECK(seconds < 10);
  }
}

/// A good file that is cut at each byte, and of which each byte in turn is another one: it is read, or refused with an
/// Error that names it. Any other exception, and what the sanitizers see, fails the test.
template <class Read>
void check_cut_and_changed(const std::string& good, const std::string& path, Read read) {
  const auto try_bytes = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      read();
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find(path) != std::string::npos);
    }
  };
  for (size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    try_bytes(good.substr(0, at));
    for (const char with : {'\0', '\xff', '9', '[', '"'}) {
      CAPTURE(with);
      std::string changed = good;
      changed[at] = with;
      try_bytes(changed);
    }
  }
}

}  // namespace rankine::test
