#pragma once
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/image.h"

namespace rankine::test {

/// A folder of this test alone, removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("rankine-data-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

  std::string text(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path(name);
  }

  /// A picture whose pixels depend on `seed`.
  std::string picture(const std::string& name, int width, int height, int seed = 0) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    Image image{.width = width, .height = height};
    for (int i = 0; i < width * height * 3; ++i)
      image.pixels.push_back(static_cast<uint8_t>((i * 31 + seed * 57) % 253));
    write_png(path(name), image);
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace rankine::test
