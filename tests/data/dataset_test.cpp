#include "data/dataset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "data/dataset_facts.h"
#include "data/loader.h"
#include "support/accounting.h"
#include "support/reference.h"
#include "temporary_folder.h"

using namespace rankine;
using json = nlohmann::json;  // sorted members: the metadata's maps have no order
using test::TemporaryFolder;

namespace {

std::string dataset_folder() { return (golden::reference_folder() / "dataset").string(); }

/// The recorded dataset's file, or nothing where it needs a key that is not built: then `name` is noted as skipped.
std::optional<DatasetConfig> recorded_config(const std::string& name) {
  log::set_level(log::Level::error);  // the recorded dataset lacks a caption on purpose
  if (!std::filesystem::is_regular_file(dataset_folder() + "/dataset.toml")) {
    golden::skipped(name, "no dataset");
    return std::nullopt;
  }
  try {
    return read_dataset_config(dataset_folder() + "/dataset.toml", {});
  } catch (const Error& error) {
    const std::string text = error.what();
    const size_t end = text.find(" is not supported yet");
    if (end == std::string::npos) throw;
    const size_t begin = text.rfind(' ', end - 1) + 1;
    golden::skipped(name, text.substr(begin, end - begin));
    return std::nullopt;
  }
}

/// dataset.json; null where the folder lacks it or a picture that it names. Then `name` is noted as skipped.
json recorded_dataset(const std::string& name) {
  const json table = json::parse(golden::read_reference_json("dataset.json").dump());
  if (table.is_null()) return {};
  for (const json& dataset : table.at("datasets"))
    for (const json& image : dataset.at("images")) {
      const std::filesystem::path picture = dataset_folder() + "/" + image.at("file").get<std::string>();
      if (std::filesystem::is_regular_file(picture)) continue;
      golden::skipped(name, "no picture");
      return {};
    }
  return table;
}

/// The data options of a recorded command line; flags without a value are "".
std::map<std::string, std::string> arguments_of(const json& argv) {
  std::map<std::string, std::string> arguments;
  std::string flag;
  for (const std::string word : argv) {
    if (word.starts_with("--")) {
      flag = word.substr(2);
      arguments[flag] = "";
    } else {
      arguments[flag] = word;
    }
  }
  return arguments;
}

DataDefaults defaults_of(const std::map<std::string, std::string>& arguments) {
  DataDefaults defaults;
  const auto text = [&](const char* name, std::string value) {
    return arguments.contains(name) ? arguments.at(name) : value;
  };
  const auto number = [&](const char* name, int value) {
    return arguments.contains(name) ? std::stoi(arguments.at(name)) : value;
  };
  defaults.dataset.resolution = resolution_from(text("resolution", ""));
  defaults.dataset.batch_size = number("train_batch_size", 1);
  defaults.dataset.enable_bucket = arguments.contains("enable_bucket");
  defaults.dataset.bucket_no_upscale = arguments.contains("bucket_no_upscale");
  defaults.dataset.min_bucket_reso = number("min_bucket_reso", 256);
  defaults.dataset.max_bucket_reso = number("max_bucket_reso", 1024);
  defaults.dataset.bucket_reso_steps = number("bucket_reso_steps", 64);
  defaults.subset.caption_extension = text("caption_extension", ".caption");
  defaults.subset.flip_aug = arguments.contains("flip_aug");
  defaults.subset.caption.shuffle = arguments.contains("shuffle_caption");
  defaults.subset.caption.keep_tokens = number("keep_tokens", 0);
  return defaults;
}

json as_json(Size size) { return {size.width, size.height}; }

json as_json(const std::vector<TagFrequency>& folders) {
  json result = json::object();
  for (const TagFrequency& folder : folders) {
    result[folder.folder] = json::object();
    for (const auto& [tag, count] : folder.tags) result[folder.folder][tag] = count;
  }
  return result;
}

json as_json(const BucketInfo& info) {
  json buckets = json::object();
  for (size_t i = 0; i < info.buckets.size(); ++i)
    buckets[std::to_string(i)] = {{"resolution", as_json(info.buckets[i].resolution)},
                                  {"count", info.buckets[i].count}};
  return {{"buckets", buckets}, {"mean_img_ar_error", info.mean_img_ar_error}};
}

json as_json(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

json as_json(const std::vector<FolderFacts>& folders) {
  json result = json::object();
  for (const FolderFacts& folder : folders)
    result[folder.name] = {{"n_repeats", folder.n_repeats}, {"img_count", folder.img_count}};
  return result;
}

json as_json(const DatasetFacts& d) {
  json subsets = json::array();
  for (const SubsetFacts& s : d.subsets)
    subsets.push_back({{"img_count", s.img_count},
                       {"num_repeats", s.num_repeats},
                       {"color_aug", s.color_aug},
                       {"flip_aug", s.flip_aug},
                       {"random_crop", s.random_crop},
                       {"shuffle_caption", s.shuffle_caption},
                       {"keep_tokens", s.keep_tokens},
                       {"keep_tokens_separator", s.keep_tokens_separator},
                       {"secondary_separator", as_json(s.secondary_separator)},
                       {"enable_wildcard", s.enable_wildcard},
                       {"caption_prefix", as_json(s.caption_prefix)},
                       {"caption_suffix", as_json(s.caption_suffix)},
                       {"resize_interpolation", as_json(s.resize_interpolation)},
                       {"image_dir", s.image_dir},
                       {"class_tokens", as_json(s.class_tokens)},
                       {"is_reg", s.is_reg}});
  return {{"is_dreambooth", d.is_dreambooth},
          {"batch_size_per_device", d.batch_size_per_device},
          {"num_train_images", d.num_train_images},
          {"num_reg_images", d.num_reg_images},
          {"resolution", as_json(d.resolution)},
          {"enable_bucket", d.enable_bucket},
          {"min_bucket_reso", d.min_bucket_reso ? json(*d.min_bucket_reso) : json(nullptr)},
          {"max_bucket_reso", d.max_bucket_reso ? json(*d.max_bucket_reso) : json(nullptr)},
          {"tag_frequency", as_json(d.tag_frequency)},
          {"bucket_info", d.bucket_info ? as_json(*d.bucket_info) : json(nullptr)},
          {"resize_interpolation", as_json(d.resize_interpolation)},
          {"subsets", subsets}};
}

std::string relative(const std::string& path) { return std::filesystem::relative(path, dataset_folder()).string(); }

/// Loads a folder "1_cat" of `folder` with captions in .txt.
TrainingData load_pictures(const TemporaryFolder& folder, const std::string& extension = ".txt",
                           bool enable_bucket = true, bool no_upscale = false) {
  log::set_level(log::Level::error);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{64, 64};
  defaults.dataset.enable_bucket = enable_bucket;
  defaults.dataset.bucket_no_upscale = no_upscale;
  defaults.dataset.min_bucket_reso = 64;
  defaults.subset.caption_extension = extension;
  return load_dataset(dataset_from_folders(folder.path(), "", defaults), 2);
}

std::string fault_of(const TemporaryFolder& folder, const std::string& extension = ".txt", bool no_upscale = false) {
  try {
    load_pictures(folder, extension, true, no_upscale);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the recorded dataset gives the recorded pictures, captions, buckets, tags and batches") {
  const std::optional<DatasetConfig> config = recorded_config("dataset.0");
  const json expected = recorded_dataset("dataset.0");
  if (!config || expected.is_null()) return;
  const TrainingData data = load_dataset(*config);
  CHECK(data.train_images() == expected.at("num_train_images"));
  CHECK(data.reg_images() == expected.at("num_reg_images"));
  CHECK(data.batches_per_epoch() == expected.at("batches_per_epoch"));
  REQUIRE(data.datasets.size() == expected.at("datasets").size());
  const DataFacts facts = facts_of(data);
  size_t next = 0;
  for (size_t d = 0; d < data.datasets.size(); ++d) {
    const json& recorded = expected.at("datasets")[d];
    const Dataset& dataset = data.datasets[d];
    CHECK(dataset.section.options.batch_size == recorded.at("batch_size"));
    CHECK(dataset.batches == recorded.at("batches"));
    for (const json& image : recorded.at("images")) {
      REQUIRE(next < data.samples.size());
      const Sample& sample = data.samples[next++];
      CAPTURE(sample.path);
      CHECK(sample.dataset == static_cast<int>(d));
      CHECK(relative(sample.path) == image.at("file"));
      CHECK(sample.repeats == image.at("repeats"));
      CHECK(sample.is_reg == image.at("is_reg"));
      CHECK(sample.caption == image.at("caption"));
      CHECK(as_json(sample.size) == image.at("size"));
      CHECK(as_json(sample.place.bucket) == image.at("bucket"));
      CHECK(as_json(sample.place.resized) == image.at("resized"));
      CHECK(dataset.buckets[sample.bucket].size == sample.place.bucket);
    }
    CHECK(as_json(facts.datasets[d].tag_frequency) == recorded.at("tag_frequency"));
    CHECK(as_json(facts.datasets[d].bucket_info.value()) == recorded.at("bucket_info"));
    json contents = json::array();
    for (const Bucket& bucket : dataset.buckets) {
      std::vector<std::string> files;
      for (const int i : bucket.samples)
        files.insert(files.end(), data.samples[i].repeats, relative(data.samples[i].path));
      std::ranges::sort(files);
      contents.push_back({{"resolution", as_json(bucket.size)}, {"files", files}});
    }
    CHECK(contents == recorded.at("buckets_sorted"));
    golden::ran("dataset." + std::to_string(d));
  }
  CHECK(next == data.samples.size());
}

TEST_CASE("an epoch of the recorded dataset has the recorded shapes and processed captions") {
  const std::optional<DatasetConfig> config = recorded_config("dataset.batches");
  const json recorded = recorded_dataset("dataset.batches");
  if (!config || recorded.is_null()) return;
  const TrainingData data = load_dataset(*config);
  Loader loader(data, {.seed = 3, .threads = 2});
  std::vector<json> shapes, recorded_shapes;
  std::vector<std::string> captions, recorded_captions;
  for (const json& batch : recorded.at("batches_unordered")) {
    recorded_shapes.push_back(batch.at("image_shape"));
    for (const json& caption : batch.at("captions")) recorded_captions.push_back(caption);
    for (const json& weight : batch.at("loss_weights")) CHECK(weight == 1.0);
  }
  for (int64_t i = 0; i < data.batches_per_epoch(); ++i) {
    const Batch batch = loader.next();
    CHECK(batch.images.size() == batch.samples.size() * batch.bucket.height * batch.bucket.width * 3);
    shapes.push_back({batch.samples.size(), 3, batch.bucket.height, batch.bucket.width});
    for (size_t k = 0; k < batch.samples.size(); ++k) {
      captions.push_back(batch.captions[k]);
      CHECK(batch.loss_weights[k] == 1.0f);
    }
  }
  for (auto* list : {&shapes, &recorded_shapes}) std::ranges::sort(*list);
  for (auto* list : {&captions, &recorded_captions}) std::ranges::sort(*list);
  CHECK(shapes == recorded_shapes);
  CHECK(captions == recorded_captions);
  golden::ran("dataset.batches");
}

TEST_CASE("the facts for the metadata equal those of the recorded runs") {
  const auto runs = golden::read_reference_json("e2e_metadata.json");
  for (const auto& [name, run] : runs.items()) {
    CAPTURE(name);
    const auto& metadata = run.at("metadata");
    const auto parsed = [&](const char* key) { return json::parse(metadata.at(key).get<std::string>()); };
    const auto arguments = arguments_of(json::parse(run.at("argv").dump()));
    if (!golden::has_pictures_of_run(metadata)) {
      golden::skipped("dataset_facts." + name, "no pictures");
      continue;
    }
    TrainingData data;
    if (arguments.contains("dataset_config")) {
      std::optional<DatasetConfig> config = recorded_config("dataset_facts." + name);
      if (!config) continue;
      for (DatasetSection& dataset : config->datasets)
        dataset.options.bucket_reso_steps =
            std::max(64, dataset.options.bucket_reso_steps);  // the recorded runs insist on 64
      data = load_dataset(*config);
    } else {
      log::set_level(log::Level::error);
      const TemporaryFolder pictures, reg_pictures;  // hold the folders the run had
      const auto fill = [](const TemporaryFolder& parent, const json& folders) {
        for (const auto& [folder, unused] : folders.items())
          std::filesystem::create_directory_symlink(std::filesystem::absolute(golden::dataset_subfolder(folder)),
                                                    parent.path(folder));
      };
      fill(pictures, parsed("ss_dataset_dirs"));
      fill(reg_pictures, parsed("ss_reg_dataset_dirs"));
      const std::string reg = arguments.contains("reg_data_dir") ? reg_pictures.path() : "";
      data = load_dataset(dataset_from_folders(pictures.path(), reg, defaults_of(arguments)));
    }
    const DataFacts facts = facts_of(data);
    CHECK(std::to_string(facts.num_train_images) == metadata.at("ss_num_train_images"));
    CHECK(std::to_string(facts.num_reg_images) == metadata.at("ss_num_reg_images"));
    CHECK(as_json(facts.tag_frequency) == parsed("ss_tag_frequency"));
    CHECK(as_json(facts.dataset_dirs) == parsed("ss_dataset_dirs"));
    CHECK(std::to_string(facts.num_batches_per_epoch) == metadata.at("ss_num_batches_per_epoch"));
    if (facts.from_file) {
      json datasets = json::array();
      for (const DatasetFacts& dataset : facts.datasets) datasets.push_back(as_json(dataset));
      CHECK(datasets == parsed("ss_datasets"));
    } else {
      const std::optional<BucketInfo>& buckets = facts.datasets.at(0).bucket_info;
      CHECK((buckets ? as_json(*buckets) : json(nullptr)) == parsed("ss_bucket_info"));
      CHECK(as_json(facts.reg_dataset_dirs) == parsed("ss_reg_dataset_dirs"));
    }
    golden::ran("dataset_facts." + name);
  }
}

TEST_CASE("all faults of a dataset are said at once, each with its file and reason") {
  const TemporaryFolder folder;
  folder.picture("1_cat/good.png", 64, 64);
  folder.text("1_cat/good.txt", "a cat");
  folder.text("1_cat/broken.png", "this is no picture");
  folder.picture("1_cat/cut.png", 64, 64);
  std::filesystem::resize_file(folder.path("1_cat/cut.png"), 100);
  folder.text("1_cat/empty.jpg", "");
  folder.text("1_cat/latin.txt", "caf\xE9");
  folder.picture("1_cat/latin.png", 64, 64);
  const std::string text = fault_of(folder);
  CHECK(text.find("4 faults") != std::string::npos);
  for (const char* file : {"broken.png: ", "cut.png: ", "empty.jpg: ", "latin.txt: "}) {
    CAPTURE(text);
    CHECK(text.find(file) != std::string::npos);
  }
  CHECK(text.find("good.png") == std::string::npos);
}

TEST_CASE("a picture too small for any bucket is a fault with its file") {
  const TemporaryFolder folder;
  folder.picture("1_cat/small.png", 65, 63);
  folder.text("1_cat/small.txt", "a cat");
  CHECK(fault_of(folder, ".txt", true).find("small.png: a picture of 65x63") != std::string::npos);
  CHECK(fault_of(folder) == "");
}

TEST_CASE("a missing caption lets the class words stand in, an empty one does not; both are warnings") {
  const TemporaryFolder folder;
  folder.picture("1_cat/a.png", 64, 64);
  folder.text("1_cat/a.txt", "\xEF\xBB\xBFone, two \r\nsecond line");
  folder.picture("1_cat/b.png", 64, 64);
  folder.picture("1_cat/c.JPG", 64, 64);  // found by suffix, decoded by content
  folder.text("1_cat/c.txt", " \n");
  folder.picture("1_cat/d.png", 64, 64);
  folder.text("1_cat/d.txt", "\n\na cat\nlater\n");
  folder.picture("1_cat/e.png", 64, 64);
  folder.text("1_cat/e.txt", "");
  folder.picture("1_cat/._a.png", 64, 64);
  folder.text("1_cat/notes.md", "no picture");
  const TrainingData data = load_pictures(folder);
  REQUIRE(data.samples.size() == 5);
  CHECK(data.samples[0].caption == "one, two");
  CHECK(data.samples[1].caption == "cat");
  CHECK(data.samples[2].caption == "");
  CHECK(data.samples[3].caption == "");
  CHECK(data.samples[4].caption == "");
  const auto is_said = [&](const std::string& file, const std::string& reason) {
    return std::ranges::any_of(data.warnings, [&](const std::string& w) {
      return w.find(file) != std::string::npos && w.find(reason) != std::string::npos;
    });
  };
  CHECK(is_said("b.png", "no caption file (.txt), the class words are used (\"cat\")"));
  CHECK(is_said("c.txt", "the caption is empty, because its file is blank"));
  CHECK(is_said("d.txt", "because the first line of its file is blank: no other line is used (2 more)"));
  CHECK(is_said("e.txt", "its file has 0 bytes"));
  CHECK(is_said("a.txt", "only its first line is used"));
}

TEST_CASE("faces that were cut out of a picture share its caption unless they have their own") {
  const TemporaryFolder folder;
  folder.text("1_sks/anna.txt", "sks anna portrait");
  folder.text("1_sks/bob_48_48_20_20.txt", "sks bob");
  folder.text("1_sks/bob.txt", "the whole bob");
  for (const char* name : {"anna_48_48_20_20", "anna_9_9_5_5", "bob_48_48_20_20"})
    folder.picture(concat_text("1_sks/", name, ".png"), 64, 64, name[5]);
  const TrainingData data = load_pictures(folder);
  REQUIRE(data.samples.size() == 3);
  CHECK(data.samples[0].caption == "sks anna portrait");
  CHECK(data.samples[1].caption == "sks anna portrait");
  CHECK(data.samples[2].caption == "sks bob");
  CHECK(data.warnings.empty());
}

TEST_CASE("no caption at all while captions of another suffix lie there stops with the flag to set") {
  const TemporaryFolder folder;
  folder.picture("1_cat/a.png", 64, 64);
  folder.text("1_cat/a.txt", "a cat");
  const std::string text = fault_of(folder, ".caption");
  CHECK(text.find("--caption_extension .txt") != std::string::npos);
  CHECK(fault_of(folder, ".txt") == "");
  std::filesystem::remove(folder.path("1_cat/a.txt"));
  CHECK(fault_of(folder, ".caption") == "");
}

TEST_CASE("a dataset without pictures is refused, an empty folder beside others is left out") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("1_none"));
  CHECK(fault_of(folder).find("no pictures to train on") != std::string::npos);
  folder.picture("1_cat/a.png", 64, 64);
  const TrainingData data = load_pictures(folder);
  CHECK(data.samples.size() == 1);
  CHECK(data.datasets[0].section.subsets.size() == 1);
}

TEST_CASE("without buckets there is no bucket information in the facts") {
  const TemporaryFolder folder;
  folder.picture("1_cat/a.png", 100, 64);
  const TrainingData data = load_pictures(folder, ".txt", false);
  CHECK(data.samples[0].place.bucket == Size{64, 64});
  CHECK_FALSE(facts_of(data).datasets[0].bucket_info.has_value());
}
