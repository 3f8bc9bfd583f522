#include "data/dataset_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/log.h"
#include "data/dataset_config.h"
#include "support/reference.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

/// A row of the recorded table of sd-scripts' keys.
struct Row {
  std::string level, key, type, priority;
};

std::vector<Row> rows() {
  std::ifstream in(golden::shipped_folder() / "dataset_toml.tsv");
  REQUIRE(in.good());
  std::vector<Row> all;
  std::string line;
  std::getline(in, line);  // the columns' names
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, '\t');) cells.push_back(cell);
    REQUIRE(cells.size() == 7);
    all.push_back({cells[0], cells[1], cells[2], cells[6]});
  }
  return all;
}

/// Of each key a value that asks for something, where not every value of its type does.
const std::map<std::string, std::string> special_values = {
    {"resolution", "[64, 96]"},
    {"resize_interpolation", "\"area\""},
    {"validation_split", "0.25"},
    {"caption_dropout_rate", "0.5"},
    {"image_dir", "\"pics\""},
    {"metadata_file", "\"meta.json\""},
    {"conditioning_data_dir", "\"pics\""},
    {"caption_tag_dropout_rate", "0.5"},
    {"face_crop_aug_range", "[2.0, 4.0]"},
    {"custom_attributes", "{ a = 1 }"},
    {"min_bucket_reso", "64"},
    {"max_bucket_reso", "192"},
    {"network_multiplier", "1.0"},
};

std::string value_of(const Row& row) {
  if (const auto special = special_values.find(row.key); special != special_values.end()) return special->second;
  if (row.type.starts_with("int")) return "3";
  if (row.type.starts_with("float")) return "1.5";
  if (row.type.starts_with("bool")) return "true";
  REQUIRE_MESSAGE(row.type.starts_with("str"), row.key << " has the type " << row.type);
  return "\"x\"";
}

}  // namespace

TEST_CASE(
    "every key of sd-scripts' dataset files is known at each of its levels, and none of priority A or B refused") {
  const TemporaryFolder folder;
  folder.picture("pics/a.png", 64, 64);
  folder.text("meta.json", R"({"a": {"caption": "x"}})");
  const std::vector<DatasetKeyInfo> keys = dataset_keys();
  int tried = 0;
  for (const Row& row : rows()) {
    CAPTURE(row.key);
    CAPTURE(row.level);
    const auto info = std::ranges::find(keys, row.key, &DatasetKeyInfo::name);
    REQUIRE(info != keys.end());
    const bool is_refused = info->supported.starts_with("not yet");
    CHECK_FALSE((is_refused && row.priority != "C"));
    if (row.level == "file" || row.key == "subsets") continue;  // in every text below
    std::istringstream levels(row.level);
    for (std::string level; std::getline(levels, level, ',');) {
      const std::string line = row.key + " = " + value_of(row) + "\n";
      const auto at = [&](const char* here) { return level == here ? line : std::string(); };
      const std::string subset = row.key == "image_dir" ? "" : "image_dir = \"pics\"\n";
      const std::string text = "[general]\n" + at("general") + "[[datasets]]\n" + at("dataset") +
                               "[[datasets.subsets]]\n" + subset + at("subset");
      CAPTURE(text);
      DataDefaults defaults;
      defaults.dataset = {.resolution = Size{64, 64}, .min_bucket_reso = 64};
      CHECK_NOTHROW(read_dataset_config(folder.text("dataset.toml", text), defaults));
      ++tried;
    }
  }
  CHECK(tried > 80);
}

TEST_CASE("a dataset file in JSON says what one in TOML says") {
  const TemporaryFolder folder;
  folder.picture("pics/a.png", 64, 64);
  const std::string json = folder.text("dataset.json", R"({
    "general": {"shuffle_caption": true, "caption_dropout_rate": 0.25},
    "datasets": [{"resolution": [96, 64], "batch_size": 2,
                  "subsets": [{"image_dir": "pics", "num_repeats": 4, "caption_prefix": "a"}]}]})");
  const std::string toml = folder.text("dataset.toml",
                                       "[general]\nshuffle_caption = true\ncaption_dropout_rate = 0.25\n[[datasets]]\n"
                                       "resolution = [96, 64]\nbatch_size = 2\n[[datasets.subsets]]\n"
                                       "image_dir = \"pics\"\nnum_repeats = 4\ncaption_prefix = \"a\"\n");
  const DatasetConfig a = read_dataset_config(json, {}), b = read_dataset_config(toml, {});
  for (const DatasetConfig* config : {&a, &b}) {
    REQUIRE(config->datasets.size() == 1);
    CHECK(config->datasets[0].options.resolution == Size{96, 64});
    CHECK(config->datasets[0].options.batch_size == 2);
    REQUIRE(config->datasets[0].subsets.size() == 1);
    const SubsetSection& subset = config->datasets[0].subsets[0];
    CHECK(subset.image_dir == folder.path("pics"));
    CHECK(subset.options.num_repeats == 4);
    CHECK(subset.options.caption.shuffle);
    CHECK(subset.options.caption.dropout_rate == 0.25);
    CHECK(subset.options.caption.prefix == "a");
  }
}

TEST_CASE("a JSON dataset file that is broken, has null or the wrong type is refused with file and key") {
  const TemporaryFolder folder;
  folder.picture("pics/a.png", 64, 64);
  const auto refused = [&](const std::string& text, const char* expected) {
    CAPTURE(text);
    CHECK_THROWS_WITH(read_dataset_config(folder.text("d.json", text), {}), doctest::Contains(expected));
  };
  refused("{\"datasets\": ", "d.json: this is not valid JSON");
  refused("[]", "must hold an object");
  refused("{\"general\": {\"flip_aug\": null}}", "null says nothing");
  refused("{\"general\": {\"flip_aug\": 1}}", "d.json: flip_aug must be true or false");
  refused("{\"general\": {\"flip_agu\": true}}", "flip_aug");
  refused("{\"general\": {\"keep_tokens\": 18446744073709551615}}", "too large");
  std::string deep = "{\"general\": {\"custom_attributes\": ";
  for (int i = 0; i < 50000; ++i) deep += "[";
  for (int i = 0; i < 50000; ++i) deep += "]";
  refused(deep + "}}", "too deep");
}
