#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rankine {

/// An event file for TensorBoard. Each event reaches the system in one write, so a reader, or a killed run, sees whole
/// events and at most one that is cut at the end.
///
///  Framing (tensorflow/core/lib/io/record_writer.h): each record is its length as u64, the masked CRC-32C of these 8
///  bytes, the record, and the masked CRC-32C of the record; little endian. A record is a message `Event` in Protocol
///  Buffers' wire format (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). The code that
///  writes a field names its number.
class EventFile {
 public:
  using Scalars = std::vector<std::pair<std::string, double>>;

  /// Makes the file, which must not exist yet, and its folders. Throws FileError if it cannot.
  explicit EventFile(std::string path);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  const std::string& path() const { return path_; }

  // Each of these throws FileError if the disk is full; the file then ends with the previous event. `wall_time` is Unix
  // time in seconds.

  /// Tells readers to discard `step` and later steps in earlier files of the folder: the run repeats them.
  void add_restart(double wall_time, int64_t step);
  /// Numbers by tag, "loss/current"; stored in fp32.
  void add_scalars(double wall_time, int64_t step, const Scalars& scalars);
  /// Markdown text for TensorBoard's text dashboard.
  void add_text(double wall_time, int64_t step, std::string_view tag, std::string_view markdown);
  /// A picture as the bytes of a PNG file, `width` x `height` pixels.
  void add_image(double wall_time, int64_t step, std::string_view tag, std::string_view png, int width, int height);

 private:
  void add_event(double wall_time, int64_t step, uint32_t field, std::string_view content);

  std::string path_;
  int descriptor_ = -1;
  int64_t size_ = 0;  // bytes of the whole records
};

}  // namespace rankine
