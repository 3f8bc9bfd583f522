#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/shortened.h"
#include "data/dataset_config.h"
#include "data/dataset_keys.h"
#include "data/resize.h"
#include "io/json_fault.h"
#include "io/nearest_name.h"
#include "io/nesting.h"
#include "io/path_text.h"
#include "io/toml_fault.h"
#include "text/text_file.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// "FILE:LINE: ", or "FILE: " if no line is known, as in JSON.
std::string place(const std::string& file, const toml::node& node) {
  const auto line = node.source().begin.line;
  return line > 0 ? concat_text(file, ":", line, ": ") : file + ": ";
}

/// A value of the file and its place, for messages.
struct Entry {
  const std::string& file;
  std::string key;
  const toml::node& node;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(place(file, node), key, " ", parts...);
  }
  std::string kind() const { return concat_text(node.type()); }

  bool boolean() const {
    if (!node.is_boolean()) refuse("must be true or false, got a value of type ", kind());
    return *node.value<bool>();
  }
  int64_t long_integer() const {
    if (!node.is_integer()) refuse("must be a whole number, got a value of type ", kind());
    return *node.value<int64_t>();
  }
  int integer(int least) const {
    const int64_t value = long_integer();
    if (value < least || value > 1'000'000'000) refuse("must be a whole number from ", least, " on, got ", value);
    return static_cast<int>(value);
  }
  double number() const {
    if (!node.is_number()) refuse("must be a number, got a value of type ", kind());
    const double value = *node.value<double>();
    if (!std::isfinite(value)) refuse("must be a number, got ", value);
    return value;
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
  /// The two elements of a list.
  std::array<Entry, 2> pair(const char* expected) const {
    const toml::array* list = node.as_array();
    if (!list || list->size() != 2) refuse("must be ", expected, ", got a value of type ", kind());
    return {Entry{file, key, *list->get(0)}, Entry{file, key, *list->get(1)}};
  }
  Size size() const {
    if (node.is_integer()) return {integer(1), integer(1)};
    const auto [width, height] = pair("a whole number or [width, height]");
    return {width.integer(1), height.integer(1)};
  }
  std::array<double, 2> range() const {
    const auto [first, second] = pair("[number, number]");
    try {
      return face_crop_range(first.number(), second.number());
    } catch (const Error& error) {
      fail(place(file, node), error.what());
    }
  }
  std::string interpolation() const {
    std::string name = text();
    try {
      interpolation_from(name);
    } catch (const Error& error) {
      fail(place(file, node), error.what());
    }
    return name;
  }
  /// A path relative to the working folder, or else to the file's folder.
  fs::path path(fs::file_type type, const char* what) const {
    const std::string name = with_home(text());
    if (name.find('\0') != std::string::npos) refuse("holds a zero byte, which no name of a ", what, " has");
    const fs::path given(name);
    const fs::path beside = given.is_relative() ? fs::path(file).parent_path() / given : given;
    const auto is_there = [&](const fs::path& p) {
      std::error_code unknown;  // a name that is too long, a loop of links, no permission: counts as missing
      return fs::status(p, unknown).type() == type;
    };
    if (is_there(given)) return given;
    if (name.empty() || !is_there(beside))
      refuse("\"", shortened(with_escapes(name)), "\" is not a ", what, missing_path_hint(name));
    return beside;
  }
  std::string folder() const { return path(fs::file_type::directory, "folder").string(); }
  std::string existing_file() const { return path(fs::file_type::regular, "file").string(); }
};

enum Level : unsigned { general = 1, dataset = 2, subset = 4 };
constexpr unsigned above = general | dataset, everywhere = above | subset;

/// The options that a level's keys set. `dataset` is null in subsets, `section` above them.
struct Target {
  DatasetOptions* dataset;
  SubsetOptions* options;
  SubsetSection* section;
};

struct Key {
  unsigned where;
  std::string_view name, takes, meaning;
  /// Null for keys without effect.
  void (*set)(const Target&, const Entry&) = nullptr;
  /// For keys without effect the reason. For keys that are not built, a test for the values that mean "off".
  std::string_view note = {};
  bool (*asks_for_nothing)(const Entry&) = nullptr;
};

using T = const Target&;
using E = const Entry&;
constexpr Key keys[] = {
    {above, "batch_size", "int", "Pictures in a batch", [](T t, E e) { t.dataset->batch_size = e.integer(1); }},
    {above, "resolution", "int or [int, int]", "Training size: one side, or width and height",
     [](T t, E e) { t.dataset->resolution = e.size(); }},
    {above, "enable_bucket", "bool", "Group pictures by aspect ratio",
     [](T t, E e) { t.dataset->enable_bucket = e.boolean(); }},
    {above, "min_bucket_reso", "int", "Shortest side of a bucket",
     [](T t, E e) { t.dataset->min_bucket_reso = e.integer(1); }},
    {above, "max_bucket_reso", "int", "Longest side of a bucket",
     [](T t, E e) { t.dataset->max_bucket_reso = e.integer(1); }},
    {above, "bucket_reso_steps", "int", "Sides of buckets are multiples of this",
     [](T t, E e) { t.dataset->bucket_reso_steps = e.integer(1); }},
    {above, "bucket_no_upscale", "bool", "Never enlarge a picture",
     [](T t, E e) { t.dataset->bucket_no_upscale = e.boolean(); }},
    {above, "skip_image_resolution", "int or [int, int]",
     "Leave out pictures with no more pixels than this size; 0: none",
     [](T t, E e) {
       const bool off = e.node.is_integer() && e.long_integer() == 0;
       t.dataset->skip_image_resolution = off ? std::nullopt : std::optional(e.size());
     }},
    {above, "validation_split", "float", "Share of the pictures that is held out; not of regularisation pictures",
     [](T t, E e) { t.dataset->validation_split = e.share(); }},
    {above, "validation_seed", "int", "Seed of that choice; 0 when unset",
     [](T t, E e) { t.dataset->validation_seed = e.long_integer(); }},
    {above, "network_multiplier", "float", "Strength of the LoRA in this dataset's steps", nullptr, "1.0",
     [](E e) { return e.number() == 1; }},
    {everywhere, "resize_interpolation", "str", "Filter for resizing; unset: area to shrink, lanczos to enlarge",
     [](T t, E e) { t.options->resize_interpolation = e.interpolation(); }},
    {everywhere, "num_repeats", "int", "How often a picture is drawn in an epoch",
     [](T t, E e) { t.options->num_repeats = e.integer(0); }},
    {everywhere, "shuffle_caption", "bool", "Shuffle the tags anew at every draw",
     [](T t, E e) { t.options->caption.shuffle = e.boolean(); }},
    {everywhere, "caption_separator", "str", "Text between tags",
     [](T t, E e) { t.options->caption.separator = e.filled_text(); }},
    {everywhere, "keep_tokens", "int", "Leading tags that keep their place",
     [](T t, E e) { t.options->caption.keep_tokens = e.integer(0); }},
    {everywhere, "keep_tokens_separator", "str", "Mark around parts that are never shuffled or dropped",
     [](T t, E e) { t.options->caption.keep_tokens_separator = e.text(); }},
    {everywhere, "secondary_separator", "str", "Joins tags that move and drop together",
     [](T t, E e) { t.options->caption.secondary_separator = e.text(); }},
    {everywhere, "enable_wildcard", "bool", "Choose one of {a|b}, and one line of several",
     [](T t, E e) { t.options->caption.enable_wildcard = e.boolean(); }},
    {everywhere, "caption_prefix", "str", "Text before every caption",
     [](T t, E e) { t.options->caption.prefix = e.text(); }},
    {everywhere, "caption_suffix", "str", "Text after every caption",
     [](T t, E e) { t.options->caption.suffix = e.text(); }},
    {everywhere, "caption_dropout_rate", "float", "Chance that a caption becomes empty",
     [](T t, E e) { t.options->caption.dropout_rate = e.share(); }},
    {everywhere, "caption_dropout_every_n_epochs", "int", "Empty all captions in each Nth epoch",
     [](T t, E e) { t.options->caption.dropout_every_n_epochs = e.integer(0); }},
    {everywhere, "caption_tag_dropout_rate", "float", "Chance for each tag to be dropped",
     [](T t, E e) { t.options->caption.tag_dropout_rate = e.share(); }},
    {everywhere, "token_warmup_min", "int", "Tags used at the start of training",
     [](T t, E e) { t.options->caption.token_warmup_min = e.integer(0); }},
    {everywhere, "token_warmup_step", "float", "Step, or share of all, when every tag is in use",
     [](T t, E e) {
       if (e.number() < 0) e.refuse("must not be negative, got ", e.number());
       t.options->caption.token_warmup_step = e.number();
     }},
    {everywhere, "flip_aug", "bool", "Mirror pictures at random", [](T t, E e) { t.options->flip_aug = e.boolean(); }},
    {everywhere, "color_aug", "bool", "Change hue or brightness a little at random; not with cached latents",
     [](T t, E e) { t.options->color_aug = e.boolean(); }},
    {everywhere, "random_crop", "bool", "Cut at random instead of in the middle; not with cached latents",
     [](T t, E e) { t.options->random_crop = e.boolean(); }},
    {everywhere, "face_crop_aug_range", "[float, float]",
     "Zoom range for crops around the face that a file's name tells of; without buckets",
     [](T t, E e) { t.options->face_crop_aug_range = e.range(); }},
    {everywhere, "custom_attributes", "table", "Data handed on with each sample", nullptr,
     "nothing in LoRA training reads them"},
    {everywhere, "caption_extension", "str", "Suffix of caption files",
     [](T t, E e) { t.options->caption_extension = e.text(); }},
    {everywhere, "cache_info", "bool", "Keep sizes and captions in a file for a quicker start", nullptr,
     "every picture is looked at before each run"},
    {everywhere, "class_tokens", "str", "Caption of pictures that have none",
     [](T t, E e) { t.options->class_tokens = e.text(); }},
    {subset, "image_dir", "str", "Folder that directly holds the pictures; with metadata_file that of relative names",
     [](T t, E e) { t.section->image_dir = e.folder(); }},
    {subset, "is_reg", "bool", "These are regularisation pictures", [](T t, E e) { t.section->is_reg = e.boolean(); }},
    {subset, "metadata_file", "str", "JSON or JSON Lines file that names pictures, captions and tags",
     [](T t, E e) { t.section->metadata_file = e.existing_file(); }},
    {everywhere, "alpha_mask", "bool", "Weigh the loss by the pictures' alpha",
     [](T t, E e) { t.options->alpha_mask = e.boolean(); }},
    {subset, "conditioning_data_dir", "str", "Folder of mask pictures of the same names, for --masked_loss",
     [](T t, E e) { t.options->conditioning_data_dir = e.folder(); }},
};

/// Tables inside tables.
constexpr Key nested[] = {
    {0, "general", "table", "Defaults of every dataset and subset"},
    {0, "datasets", "list of tables", "The datasets, each with its own size and batches"},
    {dataset, "subsets", "list of tables", "The dataset's folders or metadata files"},
};

/// Refuses a key that does not belong to the level, and names its level or the nearest key.
[[noreturn]] void refuse_key(const Entry& entry, Level level, const Key* elsewhere) {
  if (elsewhere && level == subset) entry.refuse("belongs to [[datasets]] or [general], not to a subset");
  if (elsewhere) entry.refuse("belongs to [[datasets.subsets]]");
  std::vector<std::string_view> names;
  for (const Key& key : keys)
    if (key.where & level) names.push_back(key.name);
  fail(place(entry.file, entry.node), "unknown key \"", shortened(entry.key), "\"", nearest_hint(entry.key, names));
}

/// Applies the keys of one table, except `skipped`.
void apply(const std::string& file, const toml::table& table, Level level, std::string_view skipped,
           const Target& target) {
  for (const auto& [name, node] : table) {
    const Entry entry{file, std::string(name.str()), node};
    if (entry.key == skipped && !skipped.empty()) continue;
    const auto key = std::ranges::find(keys, entry.key, &Key::name);
    if (key == std::end(keys) || !(key->where & level)) refuse_key(entry, level, key == std::end(keys) ? nullptr : key);
    if (key->set) {
      key->set(target, entry);
    } else if (key->asks_for_nothing && !key->asks_for_nothing(entry)) {
      entry.refuse("is not supported yet");
    }
  }
}

const toml::array& array_of_tables(const std::string& file, const toml::node& node, std::string_view name) {
  const toml::array* array = node.as_array();
  const bool tables = array && std::ranges::all_of(*array, [](const toml::node& n) { return n.is_table(); });
  check(tables, place(file, node), name, " must be a list of tables, written [[", name, "]]");
  return *array;
}

SubsetSection read_subset(const std::string& file, const toml::table& table, const SubsetOptions& inherited) {
  SubsetSection section;
  section.options = inherited;
  apply(file, table, subset, {}, {nullptr, &section.options, &section});
  check(!section.path().empty(), place(file, table), "this subset has no image_dir and no metadata_file");
  check(section.metadata_file.empty() || !section.is_reg, place(file, table),
        "is_reg belongs to folders of pictures, not to a metadata_file");
  section.name = folder_name(section.path());
  return section;
}

DatasetSection read_dataset(const std::string& file, const toml::table& table, const DataDefaults& inherited) {
  DatasetSection section;
  section.options = inherited.dataset;
  SubsetOptions subset_options = inherited.subset;
  apply(file, table, dataset, "subsets", {&section.options, &subset_options, nullptr});
  section.resize_interpolation = subset_options.resize_interpolation;
  const toml::node* subsets = table.get("subsets");
  check(subsets, place(file, table), "this dataset has no subsets; write [[datasets.subsets]] with an image_dir");
  for (const toml::node& node : array_of_tables(file, *subsets, "datasets.subsets"))
    section.subsets.push_back(read_subset(file, *node.as_table(), subset_options));
  check(!section.subsets.empty(), place(file, table), "this dataset has no subsets");
  const auto from_metadata = std::ranges::count_if(section.subsets, &SubsetSection::from_metadata);
  check(from_metadata == 0 || from_metadata == std::ssize(section.subsets), place(file, table),
        "folders of pictures and metadata files cannot be in one dataset: write two [[datasets]]");
  try {
    Buckets(section.bucket_config());
  } catch (const Error& error) {
    fail(place(file, table), error.what());
  }
  return section;
}

toml::table table_of(const std::string& path, const nlohmann::json& object, int depth);
toml::array array_of(const std::string& path, const nlohmann::json& list, int depth);

/// Calls `put` with the TOML value of the same meaning.
template <class Put>
void put_json(const std::string& path, const nlohmann::json& value, int depth, const Put& put) {
  check(depth < 16, path, ": lists and objects lie too deep inside each other");
  check(!value.is_null(), path, ": null says nothing; leave the key out");
  if (value.is_object()) return put(table_of(path, value, depth + 1));
  if (value.is_array()) return put(array_of(path, value, depth + 1));
  if (value.is_boolean()) return put(value.get<bool>());
  if (value.is_string()) return put(value.get<std::string>());
  if (value.is_number_float()) return put(value.get<double>());
  check(!value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX, path, ": the number ", value.dump(),
        " is too large");
  put(value.get<int64_t>());
}

toml::table table_of(const std::string& path, const nlohmann::json& object, int depth) {
  toml::table table;
  for (const auto& [key, value] : object.items())
    put_json(path, value, depth, [&, &name = key](auto v) { table.insert_or_assign(name, std::move(v)); });
  return table;
}

toml::array array_of(const std::string& path, const nlohmann::json& list, int depth) {
  toml::array array;
  for (const nlohmann::json& value : list) put_json(path, value, depth, [&](auto v) { array.push_back(std::move(v)); });
  return array;
}

toml::table parse(const std::string& path) {
  std::error_code unknown;
  check(fs::is_regular_file(path, unknown), "--dataset_config ", path, " is not a file");
  const std::string text = read_text_file(path, kLongestSettings).text;
  check_nesting(text, path);
  if (fs::path(path).extension() == ".json") {
    try {
      const nlohmann::json root = nlohmann::json::parse(text);
      check(root.is_object(), path, ": the file must hold an object with the member \"datasets\"");
      return table_of(path, root, 0);
    } catch (const nlohmann::json::exception& error) {
      fail(path, ": this is not valid JSON: ", json_fault(error.what()));
    }
  }
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    fail(toml_fault(path, error.source().begin.line, error.description()));
  }
}

}  // namespace

DatasetConfig read_dataset_config(const std::string& path, const DataDefaults& defaults) {
  const toml::table root = parse(path);
  for (const auto& [key, node] : root) {
    constexpr std::string_view names[] = {"general", "datasets"};
    check(key.str() == names[0] || key.str() == names[1], place(path, node), "unknown key \"", shortened(key.str()),
          "\" outside [general] and [[datasets]]", nearest_hint(key.str(), names),
          root.contains("datasets") ? "" : "; a file of flags is given as --config_file");
  }
  DataDefaults inherited = defaults;
  if (const toml::node* node = root.get("general")) {
    check(node->is_table(), place(path, *node), "general must be a table, written [general]");
    apply(path, *node->as_table(), general, {}, {&inherited.dataset, &inherited.subset, nullptr});
  }
  const toml::node* datasets = root.get("datasets");
  check(datasets, path, ": no [[datasets]]: there is nothing to train on");
  DatasetConfig config{.from_file = true, .datasets = {}};
  for (const toml::node& node : array_of_tables(path, *datasets, "datasets"))
    config.datasets.push_back(read_dataset(path, *node.as_table(), inherited));
  check(!config.datasets.empty(), path, ": no [[datasets]]: there is nothing to train on");
  return config;
}

std::vector<DatasetKeyInfo> dataset_keys() {
  std::vector<DatasetKeyInfo> all;
  const auto add = [&](const Key& key) {
    std::string where;
    for (const auto& [level, name] : {std::pair{general, "general"}, {dataset, "dataset"}, {subset, "subset"}})
      if (key.where & level) where += (where.empty() ? "" : ", ") + std::string(name);
    std::string supported = "yes";
    if (!key.set && !key.note.empty())
      supported = (key.asks_for_nothing ? "not yet; taken as unset: " : "no effect: ") + std::string(key.note);
    all.push_back({where.empty() ? "file" : where, std::string(key.name), std::string(key.takes),
                   std::string(key.meaning), supported});
  };
  for (const Key& key : nested) add(key);
  for (const Key& key : keys) add(key);
  return all;
}

}  // namespace rankine
