#include "data/unused_files.h"

#include <algorithm>

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// The path by which a folder is compared. A path that cannot be resolved stands for itself.
fs::path resolved(const std::string& folder) {
  std::error_code fault;
  fs::path path = fs::weakly_canonical(folder, fault);
  if (fault) path = fs::path(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

UsedFolders::UsedFolders(const DatasetConfig& config) {
  for (const DatasetSection& dataset : config.datasets)
    for (const SubsetSection& subset : dataset.subsets) {
      if (!subset.image_dir.empty()) folders_.insert(resolved(subset.image_dir));
      if (subset.options.conditioning_data_dir) folders_.insert(resolved(*subset.options.conditioning_data_dir));
    }
}

bool UsedFolders::contain(const std::string& folder) const { return folders_.contains(resolved(folder)); }

bool UsedFolders::contain_below(const std::string& folder) const {
  const fs::path above = resolved(folder);
  return std::ranges::any_of(folders_, [&](const fs::path& used) {
    return std::ranges::mismatch(above, used).in1 == above.end();  // the parts of one path begin the other
  });
}

void note_left_out_folders(const DatasetConfig& config, const UsedFolders& used, Findings& findings) {
  for (const Finding& finding : config.left_out) {
    const bool is_warning = finding.severity == Severity::warning;
    if (finding.reason.starts_with("left out") && used.contain_below(finding.path)) continue;
    if (is_warning)
      findings.warning(finding.path, finding.reason, finding.detail);
    else
      findings.note(finding.path, finding.reason, finding.detail);
  }
}

bool note_unused_files(const FolderContents& contents, const SubsetSection& subset, const UsedFolders& used,
                       Findings& findings) {
  for (const std::string& path : contents.hidden) findings.note(path, "left out: hidden by the dot of its name");
  for (const std::string& path : contents.folders)
    findings.warning(path, "a folder with the name of a picture: left out");
  for (const std::string& path : contents.unread)
    findings.warning(path,
                     "left out: only .png .jpg .jpeg .webp .bmp are taken, all small or all capital letters, as in "
                     "sd-scripts");
  bool has_more = false;
  for (const PictureFolder& below : picture_folders_below(subset.image_dir)) {
    if (used.contain(below.path)) continue;
    has_more = true;
    findings.warning(below.path,
                     "its pictures are not used: as in sd-scripts, only pictures directly in a training folder are, "
                     "not those in folders "
                     "below it; move them up",
                     pictures_text(below.pictures));
  }
  std::set<std::string> captions;
  for (const std::string& image : contents.images)
    for (std::string& path : caption_paths(image, subset.options.caption_extension)) captions.insert(std::move(path));
  for (const std::string& path : contents.others)
    if (path.ends_with(subset.options.caption_extension) && !captions.contains(path))
      findings.note(path, "a caption without a picture");
  return has_more;
}

}  // namespace rankine
