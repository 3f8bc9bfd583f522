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

/// What is known of a picture file that was looked at.
struct PictureLook {
  ImageFacts facts{};
  Size size{};                 ///< turned as it will be trained
  int orientation = 1;         ///< EXIF's, that is applied to the decoded pixels
  bool shows_through = false;  ///< it has transparent pixels, or may have when it was not decoded
  uint64_t bytes = 0;          ///< of the file
  std::string fault{};         ///< why it cannot be read; empty when it can
};

/// Looks at each picture file once, on several threads, however many folders and datasets use it.
class PictureCheck {
 public:
  /// `threads`: 0: one a core.
  PictureCheck(const CheckConfig& config, int threads) : config_(config), threads_(threads) {}

  void look_at(std::span<const std::string> paths);
  /// Of a path that was looked at.
  const PictureLook& look(const std::string& path) const { return looks_.at(path); }
  size_t count() const { return looks_.size(); }

  /// Adds what a user should know of a picture that can be read.
  void note(const std::string& path, const SubsetOptions& options, Findings& findings) const;
  /// Warns of pictures with the same bytes; each path was looked at.
  void note_duplicates(const std::set<std::string>& paths, Findings& findings) const;

 private:
  CheckConfig config_;
  int threads_;
  std::map<std::string, PictureLook> looks_;
};

/// Warns of a picture that is enlarged much, or mostly cut away, on its way into its bucket.
void note_place(const Sample& sample, const SubsetOptions& options, Findings& findings);

}  // namespace rankine
