#include "data/metadata_file.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/log.h"
#include "data/dataset.h"
#include "data/dataset_facts.h"
#include "data/dataset_metadata.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

struct Read {
  std::vector<MetadataEntry> entries;
  std::vector<std::string> faults;
};

Read read(const std::string& path, const std::string& image_dir, const CaptionSettings& settings = {}) {
  Read result;
  result.entries =
      read_metadata_file(path, image_dir, settings, [&](const std::string& fault) { result.faults.push_back(fault); });
  return result;
}

DataDefaults small_defaults() {
  DataDefaults defaults;
  defaults.dataset.resolution = Size{64, 64};
  return defaults;
}

}  // namespace

TEST_CASE("a metadata file names pictures by absolute path, by name, and without suffix, in its order") {
  const TemporaryFolder folder;
  const std::string far = folder.picture("elsewhere/z.png", 8, 8);
  folder.picture("pics/b.png", 8, 8);
  folder.picture("pics/sub/a.webp", 8, 8);
  const std::string file = folder.text("meta.json", "{\"" + far + R"(": {"caption": "far"},
      "b": {"caption": "a b", "tags": "x, y", "train_resolution": [512, 512]},
      "sub/a": {"tags": "t"}, "b.png": {"caption": null}})");
  const Read result = read(file, folder.path("pics"));
  CHECK(result.faults.empty());
  REQUIRE(result.entries.size() == 4);
  CHECK(result.entries[0].path == far);
  CHECK(result.entries[0].caption == "far");
  CHECK(result.entries[1].path == folder.path("pics/b.png"));
  CHECK(result.entries[1].caption == "a b,x, y");
  CHECK(result.entries[1].tags == "x, y");
  CHECK(result.entries[2].path == folder.path("pics/sub/a.webp"));
  CHECK(result.entries[2].caption == "t");
  CHECK(result.entries[3].caption == "");
}

TEST_CASE("with wildcards the tags follow every line of the caption, and stand alone where there is none") {
  const TemporaryFolder folder;
  folder.picture("a.png", 8, 8);
  folder.picture("b.png", 8, 8);
  const std::string file =
      folder.text("meta.json", R"({"a": {"caption": "one\n\ntwo", "tags": "x\ny"}, "b": {"tags": "x"}})");
  const Read result = read(file, folder.path(), {.separator = ";", .enable_wildcard = true});
  REQUIRE(result.entries.size() == 2);
  CHECK(result.entries[0].caption == "one;x;y\ntwo;x;y");
  CHECK(result.entries[0].tags == "x;y");
  CHECK(result.entries[1].caption == "x");
}

TEST_CASE("a metadata file of JSON Lines has one picture a line") {
  const TemporaryFolder folder;
  folder.picture("a.png", 8, 8);
  folder.picture("b.png", 8, 8);
  const std::string file =
      folder.text("meta.jsonl", "{\"image_path\": \"b.png\", \"caption\": \"second\"}\n\n{\"image_path\": \"a\"}\n");
  const Read result = read(file, folder.path());
  REQUIRE(result.entries.size() == 2);
  CHECK(result.entries[0].caption == "second");
  CHECK(result.entries[1].path == folder.path("a.png"));
}

TEST_CASE("every entry without a picture or of another form is a fault with its name; a broken file is an error") {
  const TemporaryFolder folder;
  folder.picture("a.png", 8, 8);
  const std::string file = folder.text(
      "meta.json", R"({"gone": {"caption": "x"}, "a": {"caption": ["x"]}, "a.png": "x", "./a": {"caption": "good"}})");
  const Read result = read(file, folder.path());
  CHECK(result.entries.size() == 1);
  REQUIRE(result.faults.size() == 3);
  CHECK(result.faults[0].find("\"gone\": there is no such picture in " + folder.path()) != std::string::npos);
  CHECK(result.faults[1].find("\"caption\" must be a text, got a list") != std::string::npos);
  CHECK(result.faults[2].find("must be an object") != std::string::npos);
  CHECK(read(file, "").faults.size() == 4);

  CHECK_THROWS_WITH_AS(read(folder.text("bad.json", "{\"a\": "), ""), doctest::Contains("not valid JSON"), Error);
  CHECK_THROWS_WITH_AS(read(folder.text("list.json", "[]"), ""), doctest::Contains("is an object"), Error);
  CHECK_THROWS_WITH_AS(read(folder.text("x.jsonl", "{}\n"), ""), doctest::Contains("x.jsonl:1:"), Error);
  CHECK_THROWS_AS(read(folder.path("none.json"), ""), Error);
}

TEST_CASE("--in_json and metadata_file train on the named pictures, and the facts tell of the file") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  folder.picture("pics/a.png", 64, 64);
  folder.picture("pics/b.png", 64, 64);
  folder.picture("pics/unnamed.png", 64, 64);
  const std::string json = folder.text("meta.json", R"({"a": {"caption": "cap", "tags": "T, u"}, "b": {"tags": "u"}})");
  DataDefaults defaults = small_defaults();
  defaults.subset.num_repeats = 3;
  defaults.dataset.validation_split = 0.5;  // a metadata file is not split
  const TrainingData data = load_dataset(dataset_from_metadata(json, folder.path("pics"), defaults));
  REQUIRE(data.samples.size() == 2);
  CHECK(data.samples[0].caption == "cap,T, u");
  CHECK(data.train_images() == 6);
  CHECK_FALSE(data.validation);
  auto metadata = dataset_metadata(facts_of(data), 1);
  CHECK(metadata.at("ss_dataset_dirs") == R"({"meta.json": {"n_repeats": 3, "img_count": 2}})");
  CHECK(metadata.at("ss_tag_frequency") == R"({"meta.json": {"t": 1, "u": 2}})");

  const std::string toml = folder.text("dataset.toml",
                                       "[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"pics\"\n"
                                       "metadata_file = \"meta.json\"\n");
  const TrainingData from_file = load_dataset(read_dataset_config(toml, small_defaults()));
  CHECK(from_file.samples.size() == 2);
  metadata = dataset_metadata(facts_of(from_file), 1);
  CHECK(metadata.at("ss_datasets").find(R"("is_dreambooth": false)") != std::string::npos);
  CHECK(metadata.at("ss_datasets").find(R"("image_dir": "pics", "metadata_file": "meta.json"})") != std::string::npos);
  CHECK(metadata.at("ss_dataset_dirs") == R"({"meta.json": {"n_repeats": 1, "img_count": 2}})");
}

TEST_CASE("folders and metadata files in one dataset are refused, and regularisation pictures of a metadata file") {
  const TemporaryFolder folder;
  folder.picture("pics/a.png", 64, 64);
  folder.text("meta.json", R"({"a": {"caption": "cap"}})");
  const std::string both = "[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"pics\"\nmetadata_file = \"meta.json\"\n";
  CHECK_THROWS_WITH_AS(read_dataset_config(folder.text("a.toml", both + "[[datasets.subsets]]\nimage_dir = \"pics\"\n"),
                                           small_defaults()),
                       doctest::Contains("cannot be in one dataset"), Error);
  CHECK_THROWS_WITH_AS(read_dataset_config(folder.text("b.toml", both + "is_reg = true\n"), small_defaults()),
                       doctest::Contains("is_reg belongs to folders"), Error);
  CHECK_THROWS_WITH_AS(dataset_from_metadata(folder.path("none.json"), "", small_defaults()),
                       doctest::Contains("is not a file"), Error);
}
