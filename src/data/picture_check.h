#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include "data/check_config.h"
#include "data/dataset.h"
#include "io/image_facts.h"

namespace rankine {

/// The facts about a checked picture file.
struct PictureLook {
  ImageFacts facts{};
  Size size{};                 ///< after turning, as trained
  int orientation = 1;         ///< EXIF's; the decoded pixels are turned by it
  bool shows_through = false;  ///< it has transparent pixels, or may have them if it was not decoded
  uint64_t bytes = 0;          ///< of the file
  std::string fault{};         ///< why it cannot be read; empty if it can
};

/// Checks each picture file once, on several threads, for all folders and datasets that use it.
class PictureCheck {
 public:
  /// `threads`: 0 means one per core.
  PictureCheck(const CheckConfig& config, int threads) : config_(config), threads_(threads) {}

  void look_at(std::span<const std::string> paths);
  /// The facts of a checked path.
  const PictureLook& look(const std::string& path) const { return looks_.at(path); }
  size_t count() const { return looks_.size(); }

  /// Adds the hints about a readable picture.
  void note(const std::string& path, const SubsetOptions& options, Findings& findings) const;
  /// Warns of pictures with the same bytes. Each path must have been checked.
  void note_duplicates(const std::set<std::string>& paths, Findings& findings) const;

 private:
  CheckConfig config_;
  int threads_;
  std::map<std::string, PictureLook> looks_;
};

/// Warns if a picture is enlarged much, or mostly cut away, for its bucket.
void note_place(const Sample& sample, const SubsetOptions& options, Findings& findings);

}  // namespace rankine
