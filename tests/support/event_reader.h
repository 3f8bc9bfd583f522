#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// The contents of an event file, read by the description of the format alone.
struct ReadEvent {
  double wall_time = 0;
  int64_t step = 0;
  std::string file_version;
  int session_status = 0;                ///< 1: START
  std::map<std::string, float> scalars;  ///< by tag
  std::map<std::string, std::string> texts, images;
  std::map<std::string, std::pair<int64_t, int64_t>> image_sizes;  ///< width, height
};

/// The whole records of a file, with both sums of each checked; `release_scratch` gets what stands behind the last
/// whole one.
std::vector<std::string> read_records(std::string_view file, std::string_view* rest = nullptr);

/// The events in a file's whole records. Throws std::runtime_error for a wrong sum or an encoding that is none.
std::vector<ReadEvent> read_events(std::string_view file, std::string_view* rest = nullptr);

}  // namespace rankine
