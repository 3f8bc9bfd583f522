#include "data/dataset_metadata.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using Json = nlohmann::ordered_json;

namespace {

template <class T>
std::optional<T> optional_of(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<T>());
}

Size size_of_json(const Json& value) { return {value.at(0), value.at(1)}; }

std::vector<TagFrequency> tags_of(const Json& folders) {
  std::vector<TagFrequency> tags;
  for (const auto& [folder, counts] : folders.items()) {
    tags.push_back({folder, {}});
    for (const auto& [tag, count] : counts.items()) tags.back().tags.emplace_back(tag, count);
  }
  return tags;
}

std::optional<BucketInfo> buckets_of(const Json& info) {
  if (info.is_null()) return std::nullopt;
  BucketInfo buckets;
  buckets.mean_img_ar_error = info.at("mean_img_ar_error");
  for (const auto& [index, bucket] : info.at("buckets").items())
    buckets.buckets.push_back({size_of_json(bucket.at("resolution")), bucket.at("count")});
  return buckets;
}

std::vector<FolderFacts> folders_of(const Json& dirs) {
  std::vector<FolderFacts> folders;
  for (const auto& [name, folder] : dirs.items())
    folders.push_back({name, folder.at("n_repeats"), folder.at("img_count")});
  return folders;
}

DatasetFacts dataset_of(const Json& j) {
  DatasetFacts d;
  d.is_dreambooth = j.at("is_dreambooth");
  d.batch_size_per_device = j.at("batch_size_per_device");
  d.num_train_images = j.at("num_train_images");
  d.num_reg_images = j.at("num_reg_images");
  d.resolution = size_of_json(j.at("resolution"));
  d.enable_bucket = j.at("enable_bucket");
  d.min_bucket_reso = optional_of<int>(j.at("min_bucket_reso"));
  d.max_bucket_reso = optional_of<int>(j.at("max_bucket_reso"));
  d.tag_frequency = tags_of(j.at("tag_frequency"));
  d.bucket_info = buckets_of(j.at("bucket_info"));
  d.resize_interpolation = optional_of<std::string>(j.at("resize_interpolation"));
  for (const Json& s : j.at("subsets")) {
    SubsetFacts subset;
    subset.img_count = s.at("img_count");
    subset.num_repeats = s.at("num_repeats");
    subset.color_aug = s.at("color_aug");
    subset.flip_aug = s.at("flip_aug");
    subset.random_crop = s.at("random_crop");
    subset.shuffle_caption = s.at("shuffle_caption");
    subset.keep_tokens = s.at("keep_tokens");
    subset.keep_tokens_separator = s.at("keep_tokens_separator");
    subset.secondary_separator = optional_of<std::string>(s.at("secondary_separator"));
    subset.enable_wildcard = s.at("enable_wildcard");
    subset.resize_interpolation = optional_of<std::string>(s.at("resize_interpolation"));
    subset.caption_prefix = optional_of<std::string>(s.at("caption_prefix"));
    subset.caption_suffix = optional_of<std::string>(s.at("caption_suffix"));
    subset.image_dir = s.at("image_dir");
    subset.class_tokens = optional_of<std::string>(s.at("class_tokens"));
    subset.is_reg = s.at("is_reg");
    d.subsets.push_back(subset);
  }
  return d;
}

/// The facts that a recorded file tells of, read back from its metadata.
DataFacts facts_of_metadata(const std::map<std::string, std::string>& m) {
  const auto json = [&](const char* key) { return Json::parse(m.at(key)); };
  DataFacts facts;
  facts.from_file = m.contains("ss_datasets");
  facts.num_train_images = std::stoi(m.at("ss_num_train_images"));
  facts.num_reg_images = std::stoi(m.at("ss_num_reg_images"));
  facts.num_batches_per_epoch = std::stoi(m.at("ss_num_batches_per_epoch"));
  facts.tag_frequency = tags_of(json("ss_tag_frequency"));
  facts.dataset_dirs = folders_of(json("ss_dataset_dirs"));
  if (facts.from_file) {
    for (const Json& dataset : json("ss_datasets")) facts.datasets.push_back(dataset_of(dataset));
    return facts;
  }
  facts.reg_dataset_dirs = folders_of(json("ss_reg_dataset_dirs"));
  DatasetFacts d;
  d.batch_size_per_device = std::stoi(m.at("ss_batch_size_per_device"));
  d.enable_bucket = m.at("ss_enable_bucket") == "True";
  d.bucket_no_upscale = m.at("ss_bucket_no_upscale") == "True";
  const auto limit = [&](const char* key) {
    return m.at(key) == "None" ? std::nullopt : std::optional(std::stoi(m.at(key)));
  };
  d.min_bucket_reso = limit("ss_min_bucket_reso");
  d.max_bucket_reso = limit("ss_max_bucket_reso");
  d.bucket_info = buckets_of(json("ss_bucket_info"));
  const std::string& resolution = m.at("ss_resolution");  // "(128, 128)"
  d.resolution = {std::stoi(resolution.substr(1)), std::stoi(resolution.substr(resolution.find(',') + 1))};
  d.subsets.emplace_back();
  d.subsets[0].color_aug = m.at("ss_color_aug") == "True";
  d.subsets[0].random_crop = m.at("ss_random_crop") == "True";
  d.subsets[0].flip_aug = m.at("ss_flip_aug") == "True";
  d.subsets[0].shuffle_caption = m.at("ss_shuffle_caption") == "True";
  d.subsets[0].keep_tokens = std::stoi(m.at("ss_keep_tokens"));
  facts.datasets.push_back(d);
  return facts;
}

}  // namespace

TEST_CASE("the metadata of the data are written character by character as in the recorded files") {
  const auto runs = golden::read_reference_json("e2e_metadata.json");
  for (const auto& [name, run] : runs.items()) {
    golden::ran("e2e_metadata." + name + ".data");
    CAPTURE(name);
    const auto recorded = run.at("metadata").get<std::map<std::string, std::string>>();
    const int accumulation = std::stoi(recorded.at("ss_gradient_accumulation_steps"));
    for (const auto& [key, value] : dataset_metadata(facts_of_metadata(recorded), accumulation)) {
      CAPTURE(key);
      REQUIRE(recorded.contains(key));
      CHECK(recorded.at(key) == value);
    }
  }
}

TEST_CASE("a run without buckets and with other alphabets has null and escapes in its metadata") {
  DataFacts facts;
  facts.datasets.emplace_back();
  facts.datasets[0].subsets.emplace_back();
  facts.tag_frequency = {{"3_\xe7\x8c\xab", {{"say \"hi\"", 2}}}};
  const auto m = dataset_metadata(facts, 1);
  CHECK(m.at("ss_bucket_info") == "null");
  CHECK(m.at("ss_min_bucket_reso") == "None");
  CHECK(m.at("ss_tag_frequency") == R"({"3_\u732b": {"say \"hi\"": 2}})");
  facts.datasets.clear();
  CHECK_THROWS_AS(dataset_metadata(facts, 1), Error);
}
