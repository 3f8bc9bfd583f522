#include "support/event_reader.h"

#include <cstring>
#include <functional>
#include <stdexcept>

namespace rankine {
namespace {

/// Bit by bit, so that it shares no table with what it checks.
uint32_t slow_crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
  }
  return crc ^ 0xffffffff;
}

template <class T>
T little_endian(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void check_sum(std::string_view bytes, std::string_view sum) {
  const uint32_t crc = slow_crc32c(bytes);
  if (static_cast<uint32_t>((crc >> 15 | crc << 17) + 0xa282ead8u) != little_endian<uint32_t>(sum))
    throw std::runtime_error("a record's sum is wrong");
}

/// A field of a message: its number, and its value as a number or as bytes.
struct Field {
  uint64_t number = 0, varint = 0;
  std::string_view bytes{};
};

uint64_t take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in.empty()) throw std::runtime_error("a number is cut off");
    const auto byte = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  throw std::runtime_error("a number has no end");
}

void for_each_field(std::string_view message, const std::function<void(const Field&)>& see) {
  while (!message.empty()) {
    const uint64_t key = take_varint(message);
    Field field{.number = key >> 3};
    if ((key & 7) == 0) {
      field.varint = take_varint(message);
    } else {
      const uint64_t wire = key & 7;
      if (wire != 1 && wire != 2 && wire != 5) throw std::runtime_error("an unknown kind of value");
      const uint64_t size = wire == 1 ? 8 : wire == 5 ? 4 : take_varint(message);
      if (size > message.size()) throw std::runtime_error("a value is cut off");
      field.bytes = message.substr(0, size);
      message.remove_prefix(size);
    }
    see(field);
  }
}

/// The field of a message that is reached by these numbers, one inside the other.
std::string_view inner(std::string_view message, std::initializer_list<uint64_t> path) {
  for (const uint64_t number : path) {
    std::string_view found;
    for_each_field(message, [&](const Field& f) {
      if (f.number == number) found = f.bytes;
    });
    message = found;
  }
  return message;
}

void read_value(ReadEvent& event, std::string_view value) {
  const std::string tag(inner(value, {1}));
  const std::string plugin(inner(value, {9, 1, 1}));
  for_each_field(value, [&](const Field& f) {
    if (f.number == 2) event.scalars[tag] = little_endian<float>(f.bytes);
    if (f.number == 8 && plugin == "text") event.texts[tag] = inner(f.bytes, {8});
    if (f.number != 4) return;
    auto& [width, height] = event.image_sizes[tag];
    for_each_field(f.bytes, [&](const Field& g) {
      if (g.number == 1) height = static_cast<int64_t>(g.varint);
      if (g.number == 2) width = static_cast<int64_t>(g.varint);
      if (g.number == 4) event.images[tag] = g.bytes;
    });
  });
}

ReadEvent read_event(std::string_view record) {
  ReadEvent event;
  for_each_field(record, [&](const Field& f) {
    if (f.number == 1) event.wall_time = little_endian<double>(f.bytes);
    if (f.number == 2) event.step = static_cast<int64_t>(f.varint);
    if (f.number == 3) event.file_version = f.bytes;
    if (f.number == 7)
      for_each_field(f.bytes, [&](const Field& g) {
        if (g.number == 1) event.session_status = static_cast<int>(g.varint);
      });
    if (f.number == 5)
      for_each_field(f.bytes, [&](const Field& g) {
        if (g.number == 1) read_value(event, g.bytes);
      });
  });
  return event;
}

}  // namespace

std::vector<std::string> read_records(std::string_view file, std::string_view* rest) {
  std::vector<std::string> records;
  constexpr size_t before = 12, after = 4;
  while (file.size() >= before + after) {
    const auto size = little_endian<uint64_t>(file);
    check_sum(file.substr(0, 8), file.substr(8));
    if (size > file.size() - before - after) break;
    check_sum(file.substr(before, size), file.substr(before + size));
    records.emplace_back(file.substr(before, size));
    file.remove_prefix(before + size + after);
  }
  if (rest) *rest = file;
  return records;
}

std::vector<ReadEvent> read_events(std::string_view file, std::string_view* rest) {
  std::vector<ReadEvent> events;
  for (const std::string& record : read_records(file, rest)) events.push_back(read_event(record));
  return events;
}

}  // namespace rankine
