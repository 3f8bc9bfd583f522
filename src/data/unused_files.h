#pragma once
#include <filesystem>
#include <set>
#include <string>

#include "data/dataset_config.h"
#include "data/image_folder.h"

namespace rankine {

/// The folders that a configuration reads: of pictures and of masks.
class UsedFolders {
 public:
  explicit UsedFolders(const DatasetConfig& config);

  /// True if this folder is read.
  bool contain(const std::string& folder) const;
  /// True if this folder, or one below it, is read.
  bool contain_below(const std::string& folder) const;

 private:
  std::set<std::filesystem::path> folders_{};
};

/// Adds the configuration's folders that are no subset, unless another part of it reads them.
void note_left_out_folders(const DatasetConfig& config, const UsedFolders& used, Findings& findings);

/// Adds hints about files of a subset's folder, and about folders in it, that are not trained on. Returns true if such
/// folders hold pictures.
bool note_unused_files(const FolderContents& contents, const SubsetSection& subset, const UsedFolders& used,
                       Findings& findings);

}  // namespace rankine
