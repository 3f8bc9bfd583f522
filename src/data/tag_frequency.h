#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rankine {

/// The count of each tag of a folder, in order of first appearance.
struct TagFrequency {
  std::string folder{};
  std::vector<std::pair<std::string, int64_t>> tags{};
};

/// Counts the tags of captions for ss_tag_frequency: captions are split at commas, tags stripped and lower-cased, empty
/// ones left out.
class TagCounter {
 public:
  explicit TagCounter(std::string folder) { frequency_.folder = std::move(folder); }
  void add(std::string_view caption);
  const TagFrequency& frequency() const { return frequency_; }

 private:
  TagFrequency frequency_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace rankine
