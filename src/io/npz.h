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

/// One array of numpy's: row-major, little-endian.
struct NpyArray {
  DType dtype = DType::f32;
  Shape shape{};
  std::vector<std::byte> bytes{};

  /// Any floating type as f32. Throws Error for integers.
  std::vector<float> as_f32() const;
};

/// A .npz file, memory mapped and read only: a ZIP archive of .npy arrays, stored or deflated
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Read from its directory, which is at the
/// end: a file that is cut short anywhere cannot be opened.
class NpzFile {
 public:
  /// Checks the directory. Throws Error naming the file for anything malformed.
  static NpzFile open(const std::string& path);

  const std::string& path() const { return path_; }
  bool has(std::string_view name) const { return members_.contains(name); }
  /// Without ".npy", sorted; members that are no arrays are left out.
  std::vector<std::string> names() const;
  /// Throws Error, naming file and array, when it is absent, its checksum is wrong, or it is no array of numbers in
  /// row-major, little-endian order.
  NpyArray read(std::string_view name) const;

 private:
  std::string path_;
  MappedFile file_;
  ZipReader zip_;
  std::map<std::string, const ZipMember*, std::less<>> members_;  // into zip_, whose buffer never moves
};

/// An array to be written; the bytes belong to the caller.
struct NpyToWrite {
  std::string name{};  ///< without ".npy"
  DType dtype = DType::f32;
  Shape shape{};
  std::span<const std::byte> bytes{};
};

/// The bytes of a .npz file, not compressed, as numpy.savez writes it. Throws Error for repeated names, sizes that do
/// not match, and files of 4 GiB and more.
std::string serialize_npz(std::span<const NpyToWrite> arrays);

}  // namespace rankine
