#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "data/dataset_config.h"
#include "data/image_folder.h"
#include "text/unicode.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// More folders are not listed in the error of a training folder without subsets.
constexpr size_t kNamedFolders = 5;

/// A folder's name, REPEATS_words. `fault` says why it is none; empty if it is.
struct FolderName {
  int repeats = 0;
  std::string words{};
  std::string fault{};
};

/// Reads the number as Python's int() does, which sd-scripts uses.
FolderName read_folder_name(const std::string& name) {
  const size_t mark = name.find('_');
  FolderName read;
  if (mark != std::string::npos) read.words = name.substr(mark + 1);
  std::string_view number = strip(std::string_view(name).substr(0, mark));
  if (number.starts_with('+') && !number.starts_with("+-")) number.remove_prefix(1);
  const char* end = number.data() + number.size();
  const auto [stop, fault] = std::from_chars(number.data(), end, read.repeats);
  if (stop != end || number.empty() || fault == std::errc::invalid_argument)
    read.fault = "its name does not begin with a number of repeats, such as \"10_cat\"";
  else if (fault == std::errc::result_out_of_range)
    read.fault = "the number of repeats in its name is too large";
  else if (read.repeats < 1)
    read.fault = concat_text("its name asks for ", read.repeats, " repeats: at least 1 is needed to train on it");
  return read;
}

/// True if the folder has subfolders named REPEATS_words.
bool has_named_subfolders(const std::string& folder) {
  std::error_code fault;
  for (fs::directory_iterator entry(folder, fault), end; !fault && entry != end; entry.increment(fault))
    if (std::error_code unknown;
        entry->is_directory(unknown) && read_folder_name(entry->path().filename().string()).fault.empty())
      return true;
  return false;
}

/// A warning if pictures are left out with the folder, else a note.
Finding left_out_folder(const std::string& folder, const std::string& fault) {
  std::error_code unreadable;
  int64_t pictures = 0;
  for (const PictureFolder& below : picture_folders_below(folder)) pictures += below.pictures;
  for (fs::directory_iterator entry(folder, unreadable), end; !unreadable && entry != end; entry.increment(unreadable))
    pictures += is_picture_name(entry->path().filename().string()) ? 1 : 0;
  std::string reason = "left out: " + fault;
  if (has_named_subfolders(folder)) reason += ", though it has subfolders of such names: give it as the folder instead";
  if (pictures == 0) return {.severity = Severity::note, .path = folder, .reason = reason};
  return {.severity = Severity::warning, .path = folder, .reason = reason, .detail = pictures_text(pictures)};
}

/// The folder above, for messages.
std::string folder_above(const std::string& folder) {
  fs::path path = fs::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() == "." || path.filename() == "..") path = fs::absolute(path).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.has_parent_path() ? path.parent_path().string() : ".";
}

/// Refuses a training folder without subsets, and says which folder was perhaps meant.
[[noreturn]] void refuse_folder(const std::string& parent, std::string_view flag, const FolderContents& contents,
                                std::span<const Finding> left_out) {
  const auto given = [&] { return concat_text(flag, " \"", parent, "\" "); };
  const std::string own_pictures = pictures_text(std::ssize(contents.images));
  if (!contents.images.empty()) {
    if (read_folder_name(folder_name(parent)).fault.empty())
      fail(given(), "directly holds ", own_pictures, ", as a folder REPEATS_words does: give its parent, ", flag, " \"",
           folder_above(parent), "\"");
    fail(given(), "directly holds ", own_pictures,
         ", but they belong into a subfolder named REPEATS_words, such as 10_cat: move them there, or name the folder "
         "as "
         "image_dir in a --dataset_config");
  }
  check(!left_out.empty(), given(), "has no subfolder named REPEATS_words, such as 10_cat: put the pictures in one");
  std::string text = given() + "has no subfolder to train on:";
  for (const Finding& finding : left_out.first(std::min(kNamedFolders, left_out.size())))
    text += concat_text("\n  ", finding.path, ": ", finding.reason,
                        finding.detail.empty() ? "" : " (" + finding.detail + ")");
  if (left_out.size() > kNamedFolders) text += concat_text("\n  and ", left_out.size() - kNamedFolders, " more");
  fail(text);
}

void add_subfolders(const std::string& parent, std::string_view flag, bool is_reg, const SubsetOptions& options,
                    DatasetConfig& config) {
  std::error_code unknown;
  check(fs::is_directory(parent, unknown), flag, " \"", parent, "\" is not a folder");
  const FolderContents contents = look_at_folder(parent);
  std::vector<SubsetSection>& subsets = config.datasets.front().subsets;
  const size_t before = subsets.size();
  std::vector<Finding> left_out;
  for (const std::string& folder : contents.below) {
    const std::string name = fs::path(folder).filename().string();
    const FolderName read = read_folder_name(name);
    if (!read.fault.empty()) {
      left_out.push_back(left_out_folder(folder, read.fault));
      continue;
    }
    SubsetSection subset{.image_dir = folder, .name = name, .is_reg = is_reg, .options = options};
    subset.options.num_repeats = read.repeats;
    subset.options.class_tokens = read.words;
    subsets.push_back(std::move(subset));
  }
  if (subsets.size() == before) refuse_folder(parent, flag, contents, left_out);
  std::ranges::move(left_out, std::back_inserter(config.left_out));
  if (!contents.images.empty())
    config.left_out.push_back({.severity = Severity::warning,
                               .path = parent,
                               .reason = "the pictures that lie directly in it are not used, only those in its "
                                         "subfolders named REPEATS_words",
                               .detail = pictures_text(std::ssize(contents.images))});
}

}  // namespace

DatasetConfig dataset_from_folders(const std::string& train_data_dir, const std::string& reg_data_dir,
                                   const DataDefaults& defaults) {
  DatasetConfig config{.from_file = false, .datasets = {DatasetSection{}}};
  config.datasets.front().options = defaults.dataset;
  config.datasets.front().resize_interpolation = defaults.subset.resize_interpolation;
  add_subfolders(train_data_dir, "--train_data_dir", false, defaults.subset, config);
  if (!reg_data_dir.empty()) add_subfolders(reg_data_dir, "--reg_data_dir", true, defaults.subset, config);
  [[maybe_unused]] const Buckets buckets(config.datasets.front().bucket_config());  // finds faults of the sizes now
  return config;
}

}  // namespace rankine
