#include "io/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "io/atomic_file.h"
#include "io/crc32c.h"

namespace rankine {
namespace {

// Fields of Event. An event has exactly one of the last three.
constexpr uint32_t kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;

// Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding): a key is field * 8 + kind of value.
enum Wire : uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// Encodes one message.
class Message {
 public:
  /// Fields are unsigned: sizes and steps are never negative.
  Message& number(uint32_t field, uint64_t value) {
    key(field, varint);
    return raw_varint(value);
  }
  Message& text(uint32_t field, std::string_view value) {
    key(field, bytes);
    raw_varint(value.size());
    out_ += value;
    return *this;
  }
  Message& message(uint32_t field, const Message& value) { return text(field, value.out_); }
  Message& real32(uint32_t field, float value) {
    key(field, fixed32);
    return little_endian(std::bit_cast<uint32_t>(value), 4);
  }
  Message& real64(uint32_t field, double value) {
    key(field, fixed64);
    return little_endian(std::bit_cast<uint64_t>(value), 8);
  }
  Message& little_endian(uint64_t value, int count) {
    for (int i = 0; i < count; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
    return *this;
  }
  const std::string& encoded() const { return out_; }

 private:
  void key(uint32_t field, Wire wire) { raw_varint(uint64_t{field} << 3 | wire); }
  Message& raw_varint(uint64_t value) {
    for (; value > 0x7f; value >>= 7) out_ += static_cast<char>((value & 0x7f) | 0x80);
    out_ += static_cast<char>(value);
    return *this;
  }
  std::string out_;
};

/// Summary { repeated Value value = 1 }, for one value.
std::string summary_of(const Message& value) { return Message().message(1, value).encoded(); }

}  // namespace

EventFile::EventFile(std::string path) : path_(std::move(path)) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) throw FileError(concat_text(folder.string(), ": cannot create the folder: ", error.message()));
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw FileError(concat_text(path_, ": cannot be created: ", std::strerror(errno)));
}

EventFile::~EventFile() { ::close(descriptor_); }

void EventFile::add_event(double wall_time, int64_t step, uint32_t field, std::string_view content) {
  const auto event = [&](uint32_t kind, std::string_view value) {
    const std::string record =
        Message().real64(kWallTime, wall_time).number(kStep, static_cast<uint64_t>(step)).text(kind, value).encoded();
    const std::string length = Message().little_endian(record.size(), 8).encoded();
    return length + Message().little_endian(masked_crc32c(length), 4).encoded() + record +
           Message().little_endian(masked_crc32c(record), 4).encoded();
  };
  // The first record states the file's format.
  const std::string text = (size_ == 0 ? event(kFileVersion, "brain.Event:2") : "") + event(field, content);
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int cause = errno;
      // A broken record would hide all later ones from readers, so it must not stay.
      if (::ftruncate(descriptor_, size_) == 0) ::lseek(descriptor_, size_, SEEK_SET);
      throw FileError(concat_text(path_, ": cannot write: ", std::strerror(cause)));
    }
    done += static_cast<size_t>(written);
  }
  size_ += static_cast<int64_t>(text.size());
}

void EventFile::add_restart(double wall_time, int64_t step) {
  add_event(wall_time, step, kSessionLog, Message().number(1, 1).encoded());  // SessionLog { status = 1: START }
}

void EventFile::add_scalars(double wall_time, int64_t step, const Scalars& scalars) {
  Message summary;  // Value { tag = 1, simple_value = 2 }
  for (const auto& [tag, value] : scalars)
    summary.message(1, Message().text(1, tag).real32(2, static_cast<float>(value)));
  add_event(wall_time, step, kSummary, summary.encoded());
}

void EventFile::add_text(double wall_time, int64_t step, std::string_view tag, std::string_view markdown) {
  // SummaryMetadata { plugin_data = 1 { plugin_name = 1 } }; TensorProto { dtype = 1: DT_STRING, tensor_shape = 2
  // { dim = 2 { size = 1 } }, string_val = 8 }
  const Message metadata = Message().message(1, Message().text(1, "text"));
  const Message shape = Message().message(2, Message().number(1, 1));
  const Message tensor = Message().number(1, 7).message(2, shape).text(8, markdown);
  add_event(wall_time, step, kSummary, summary_of(Message().text(1, tag).message(9, metadata).message(8, tensor)));
}

void EventFile::add_image(double wall_time, int64_t step, std::string_view tag, std::string_view png, int width,
                          int height) {
  // Image { height = 1, width = 2, colorspace = 3: RGB, encoded_image_string = 4 }
  const Message image = Message()
                            .number(1, static_cast<uint64_t>(height))
                            .number(2, static_cast<uint64_t>(width))
                            .number(3, 3)
                            .text(4, png);
  add_event(wall_time, step, kSummary, summary_of(Message().text(1, tag).message(4, image)));
}

}  // namespace rankine
