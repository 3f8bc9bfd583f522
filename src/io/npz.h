#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "io/mapped_file.h"
#include "io/zip_read.h"

namespace rankine {

/// An array of numpy: row-major, little-endian.
struct NpyArray {
  DType dtype = DType::f32;
  Shape shape{};
  std::vector<std::byte> bytes{};

  /// Converts any floating type to f32. Throws Error for integers.
  std::vector<float> as_f32() const;
};

/// A .npz file, memory mapped and read only: a ZIP archive of .npy arrays, stored or deflated
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). The directory is at the end, so a file
/// that is cut short anywhere fails to open.
class NpzFile {
 public:
  /// Checks the directory. Throws Error that names the file for anything malformed.
  static NpzFile open(const std::string& path);

  const std::string& path() const { return path_; }
  bool has(std::string_view name) const { return members_.contains(name); }
  /// Names without ".npy", sorted. Members that are not arrays are left out.
  std::vector<std::string> names() const;
  /// Throws Error that names file and array if the array is missing, its checksum is wrong, or it is not an array of
  /// numbers in row-major, little-endian order.
  NpyArray read(std::string_view name) const;

 private:
  std::string path_;
  MappedFile file_;
  ZipReader zip_;
  std::map<std::string, const ZipMember*, std::less<>> members_;  // points into zip_, whose buffer never moves
};

/// An array to write; the caller owns the bytes.
struct NpyToWrite {
  std::string name{};  ///< without ".npy"
  DType dtype = DType::f32;
  Shape shape{};
  std::span<const std::byte> bytes{};
};

/// The bytes of an uncompressed .npz file, as numpy.savez writes it. Throws Error for repeated names, sizes that do not
/// match, and files of 4 GiB and more.
std::string serialize_npz(std::span<const NpyToWrite> arrays);

}  // namespace rankine
