#include <toml++/toml.h>
#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "data/dataset_config.h"
#include "data/resize.h"
#include "io/nearest_name.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// A value of the file and where it stands, for messages.
struct Entry {
  const std::string& file;
  std::string key;
  const toml::node& node;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(file, ":", node.source().begin.line, ": ", key, " ", parts...);
  }
  std::string kind() const { return concat_text(node.type()); }

  bool boolean() const {
    if (!node.is_boolean()) refuse("must be true or false, got a value of type ", kind());
    return *node.value<bool>();
  }
  int integer(int least) const {
    if (!node.is_integer()) refuse("must be a whole number, got a value of type ", kind());
    const int64_t value = *node.value<int64_t>();
    if (value < least || value > 1'000'000'000) refuse("must be a whole number from ", least, " on, got ", value);
    return static_cast<int>(value);
  }
  double number() const {
    if (!node.is_number()) refuse("must be a number, got a value of type ", kind());
    return *node.value<double>();
  }
  double share() const {
    const double value = number();
    if (!(value >= 0 && value <= 1)) refuse("must lie between 0 and 1, got ", value);
    return value;
  }
  std::string text() const {
    if (!node.is_string()) refuse("must be a text in quotes, got a value of type ", kind());
    return *node.value<std::string>();
  }
  std::string filled_text() const {
    std::string value = text();
    if (value.empty()) refuse("must not be empty");
    return value;
  }
  Size size() const {
    if (node.is_integer()) return {integer(1), integer(1)};
    const toml::array* pair = node.as_array();
    if (!pair || pair->size() != 2) refuse("must be a whole number or [width, height], got a value of type ", kind());
    const Entry width{file, key, *pair->get(0)}, height{file, key, *pair->get(1)};
    return {width.integer(1), height.integer(1)};
  }
};

struct DatasetKey {
  std::string_view name;
  void (*set)(DatasetOptions&, const Entry&);
};
constexpr DatasetKey dataset_keys[] = {
    {"resolution", [](DatasetOptions& o, const Entry& e) { o.resolution = e.size(); }},
    {"batch_size", [](DatasetOptions& o, const Entry& e) { o.batch_size = e.integer(1); }},
    {"enable_bucket", [](DatasetOptions& o, const Entry& e) { o.enable_bucket = e.boolean(); }},
    {"min_bucket_reso", [](DatasetOptions& o, const Entry& e) { o.min_bucket_reso = e.integer(1); }},
    {"max_bucket_reso", [](DatasetOptions& o, const Entry& e) { o.max_bucket_reso = e.integer(1); }},
    {"bucket_reso_steps", [](DatasetOptions& o, const Entry& e) { o.bucket_reso_steps = e.integer(1); }},
    {"bucket_no_upscale", [](DatasetOptions& o, const Entry& e) { o.bucket_no_upscale = e.boolean(); }},
};

struct SubsetKey {
  std::string_view name;
  void (*set)(SubsetOptions&, const Entry&);
};
constexpr SubsetKey subset_keys[] = {
    {"num_repeats", [](SubsetOptions& o, const Entry& e) { o.num_repeats = e.integer(0); }},
    {"caption_extension", [](SubsetOptions& o, const Entry& e) { o.caption_extension = e.text(); }},
    {"class_tokens", [](SubsetOptions& o, const Entry& e) { o.class_tokens = e.text(); }},
    {"flip_aug", [](SubsetOptions& o, const Entry& e) { o.flip_aug = e.boolean(); }},
    {"alpha_mask", [](SubsetOptions& o, const Entry& e) { o.alpha_mask = e.boolean(); }},
    {"resize_interpolation",
     [](SubsetOptions& o, const Entry& e) {
       o.resize_interpolation = e.text();
       try {
         interpolation_from(*o.resize_interpolation);
       } catch (const Error& error) {
         fail(e.file, ":", e.node.source().begin.line, ": ", error.what());
       }
     }},
    {"shuffle_caption", [](SubsetOptions& o, const Entry& e) { o.caption.shuffle = e.boolean(); }},
    {"caption_separator", [](SubsetOptions& o, const Entry& e) { o.caption.separator = e.filled_text(); }},
    {"keep_tokens", [](SubsetOptions& o, const Entry& e) { o.caption.keep_tokens = e.integer(0); }},
    {"keep_tokens_separator", [](SubsetOptions& o, const Entry& e) { o.caption.keep_tokens_separator = e.text(); }},
    {"secondary_separator", [](SubsetOptions& o, const Entry& e) { o.caption.secondary_separator = e.text(); }},
    {"enable_wildcard", [](SubsetOptions& o, const Entry& e) { o.caption.enable_wildcard = e.boolean(); }},
    {"caption_prefix", [](SubsetOptions& o, const Entry& e) { o.caption.prefix = e.text(); }},
    {"caption_suffix", [](SubsetOptions& o, const Entry& e) { o.caption.suffix = e.text(); }},
    {"caption_dropout_rate", [](SubsetOptions& o, const Entry& e) { o.caption.dropout_rate = e.share(); }},
    {"caption_dropout_every_n_epochs",
     [](SubsetOptions& o, const Entry& e) { o.caption.dropout_every_n_epochs = e.integer(0); }},
    {"caption_tag_dropout_rate", [](SubsetOptions& o, const Entry& e) { o.caption.tag_dropout_rate = e.share(); }},
    {"token_warmup_min", [](SubsetOptions& o, const Entry& e) { o.caption.token_warmup_min = e.integer(0); }},
    {"token_warmup_step",
     [](SubsetOptions& o, const Entry& e) {
       if (e.number() < 0) e.refuse("must not be negative, got ", e.number());
       o.caption.token_warmup_step = e.number();
     }},
};

bool is_off(const Entry& e) { return !e.boolean(); }
bool is_zero(const Entry& e) { return e.number() == 0; }
bool is_one(const Entry& e) { return e.number() == 1; }
bool always(const Entry&) { return true; }
bool never(const Entry&) { return false; }

/// sd-scripts' keys that are not built, and the values with which they ask for nothing.
struct OtherKey {
  std::string_view name;
  bool (*asks_for_nothing)(const Entry&);
};
constexpr OtherKey other_keys[] = {
    {"validation_split", is_zero},  {"validation_seed", always},  // of no effect without a split
    {"network_multiplier", is_one}, {"color_aug", is_off},         {"random_crop", is_off},
    {"face_crop_aug_range", never}, {"custom_attributes", always},  // handed on to nobody in LoRA training
    {"cache_info", is_off},         {"metadata_file", never},      {"conditioning_data_dir", never},
};

/// Keys that name a subset's folder.
constexpr std::string_view image_dir_key = "image_dir", is_reg_key = "is_reg";

enum class Level { general, dataset, subset };

template <class Keys>
auto find_key(const Keys& keys, std::string_view name) {
  const auto found = std::ranges::find_if(keys, [&](const auto& key) { return key.name == name; });
  return found == std::end(keys) ? nullptr : &*found;
}

/// Refuses a key that does not belong to the level, saying where it does or which one is nearest.
[[noreturn]] void refuse_unknown(const Entry& entry, Level level) {
  const std::string at = concat_text(entry.file, ":", entry.node.source().begin.line, ": ");
  if (find_key(dataset_keys, entry.key)) fail(at, entry.key, " belongs to [[datasets]] or [general], not to a subset");
  if (entry.key == image_dir_key || entry.key == is_reg_key) fail(at, entry.key, " belongs to [[datasets.subsets]]");
  std::vector<std::string_view> names;
  for (const SubsetKey& key : subset_keys) names.push_back(key.name);
  for (const OtherKey& key : other_keys) names.push_back(key.name);
  if (level == Level::subset) {
    names.insert(names.end(), {image_dir_key, is_reg_key});
  } else {
    for (const DatasetKey& key : dataset_keys) names.push_back(key.name);
  }
  fail(at, "unknown key \"", entry.key, "\"", nearest_hint(entry.key, names));
}

/// Applies the keys of one table. `dataset` is null in subsets; image_dir, is_reg and `nested` are left to the caller.
void apply(const std::string& file, const toml::table& table, Level level, std::string_view nested,
           DatasetOptions* dataset, SubsetOptions& subset) {
  for (const auto& [key, node] : table) {
    const Entry entry{file, std::string(key.str()), node};
    if (!nested.empty() && entry.key == nested) continue;
    if (level == Level::subset && (entry.key == image_dir_key || entry.key == is_reg_key)) continue;
    if (const DatasetKey* known = find_key(dataset_keys, entry.key); known && dataset) {
      known->set(*dataset, entry);
    } else if (const SubsetKey* option = find_key(subset_keys, entry.key)) {
      option->set(subset, entry);
    } else if (const OtherKey* other = find_key(other_keys, entry.key)) {
      if (!other->asks_for_nothing(entry)) entry.refuse("is not supported yet");
    } else {
      refuse_unknown(entry, level);
    }
  }
}

const toml::array& array_of_tables(const std::string& file, const toml::node& node, std::string_view name) {
  const toml::array* array = node.as_array();
  const bool tables = array && std::ranges::all_of(*array, [](const toml::node& n) { return n.is_table(); });
  check(tables, file, ":", node.source().begin.line, ": ", name, " must be a list of tables, written [[", name, "]]");
  return *array;
}

SubsetSection read_subset(const std::string& file, const toml::table& table, const SubsetOptions& inherited) {
  SubsetSection subset;
  subset.options = inherited;
  apply(file, table, Level::subset, {}, nullptr, subset.options);
  if (const toml::node* node = table.get(is_reg_key)) subset.is_reg = Entry{file, "is_reg", *node}.boolean();
  const toml::node* node = table.get(image_dir_key);
  check(node, file, ":", table.source().begin.line, ": this subset has no image_dir");
  const fs::path given(Entry{file, "image_dir", *node}.text());
  fs::path folder = given;
  if (given.is_relative() && !fs::is_directory(given)) folder = fs::path(file).parent_path() / given;
  check(fs::is_directory(folder), file, ":", node->source().begin.line, ": image_dir \"", given.string(),
        "\" is not a folder");
  subset.image_dir = folder.string();
  const fs::path normal = fs::absolute(folder).lexically_normal();
  subset.name = (normal.has_filename() ? normal : normal.parent_path()).filename().string();
  return subset;
}

DatasetSection read_dataset(const std::string& file, const toml::table& table, const DataDefaults& inherited) {
  DatasetSection dataset;
  dataset.options = inherited.dataset;
  SubsetOptions subset_options = inherited.subset;
  apply(file, table, Level::dataset, "subsets", &dataset.options, subset_options);
  dataset.resize_interpolation = subset_options.resize_interpolation;
  const int line = static_cast<int>(table.source().begin.line);
  const toml::node* subsets = table.get("subsets");
  check(subsets, file, ":", line, ": this dataset has no subsets; write [[datasets.subsets]] with an image_dir");
  for (const toml::node& node : array_of_tables(file, *subsets, "datasets.subsets"))
    dataset.subsets.push_back(read_subset(file, *node.as_table(), subset_options));
  check(!dataset.subsets.empty(), file, ":", line, ": this dataset has no subsets");
  try {
    Buckets(dataset.bucket_config());
  } catch (const Error& error) {
    fail(file, ":", line, ": ", error.what());
  }
  return dataset;
}

toml::table parse(const std::string& path) {
  check(fs::is_regular_file(path), "--dataset_config ", path, " is not a file");
  check(fs::path(path).extension() != ".json", path, ": dataset files in JSON are not supported yet, write it as TOML");
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    fail(path, ":", error.source().begin.line, ": this is not valid TOML: ", error.description());
  }
}

}  // namespace

DatasetConfig read_dataset_config(const std::string& path, const DataDefaults& defaults) {
  const toml::table root = parse(path);
  for (const auto& [key, node] : root) {
    constexpr std::string_view names[] = {"general", "datasets"};
    check(key.str() == names[0] || key.str() == names[1], path, ":", node.source().begin.line, ": unknown key \"",
          key.str(), "\" outside [general] and [[datasets]]", nearest_hint(key.str(), names));
  }
  DataDefaults general = defaults;
  if (const toml::node* node = root.get("general")) {
    check(node->is_table(), path, ":", node->source().begin.line, ": general must be a table, written [general]");
    apply(path, *node->as_table(), Level::general, {}, &general.dataset, general.subset);
  }
  const toml::node* datasets = root.get("datasets");
  check(datasets, path, ": no [[datasets]]: there is nothing to train on");
  DatasetConfig config{.from_file = true, .datasets = {}};
  for (const toml::node& node : array_of_tables(path, *datasets, "datasets"))
    config.datasets.push_back(read_dataset(path, *node.as_table(), general));
  check(!config.datasets.empty(), path, ": no [[datasets]]: there is nothing to train on");
  return config;
}

}  // namespace rankine
