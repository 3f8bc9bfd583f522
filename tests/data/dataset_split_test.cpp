#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "data/dataset.h"
#include "data/dataset_facts.h"
#include "data/dataset_metadata.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

struct Fixture {
  TemporaryFolder folder;
  DataDefaults defaults;

  Fixture() {
    log::set_level(log::Level::error);
    for (int i = 0; i < 10; ++i) folder.picture("train/3_cat/" + std::to_string(i) + ".png", 64, 64, i);
    for (int i = 0; i < 4; ++i) folder.picture("reg/1_animal/" + std::to_string(i) + ".png", 64, 64, 20 + i);
    defaults.dataset.resolution = Size{64, 64};
    defaults.dataset.validation_seed = 42;
  }
  TrainingData load(double split) {
    defaults.dataset.validation_split = split;
    return load_dataset(dataset_from_folders(folder.path("train"), folder.path("reg"), defaults));
  }
};

std::set<std::string> names(const TrainingData& data, bool is_reg = false) {
  std::set<std::string> all;
  for (const Sample& sample : data.samples)
    if (sample.is_reg == is_reg) all.insert(std::filesystem::path(sample.path).stem().string());
  return all;
}

}  // namespace

TEST_CASE("validation_split holds out the pictures that sd-scripts holds out for the seed") {
  Fixture f;
  const TrainingData data = f.load(0.25);
  REQUIRE(data.validation);
  // The order for seed 42 is 7 3 2 8 5 6 9 4 | 0 1: of ten, the first ceil(7.5) are trained on.
  CHECK(names(*data.validation) == std::set<std::string>{"0", "1"});
  CHECK(data.train_images() == 24);
  CHECK(data.datasets[0].image_counts[0] == 8);
  CHECK(data.validation->batches_per_epoch() == 2);
  for (const Sample& sample : data.validation->samples) CHECK(sample.repeats == 1);
}

TEST_CASE("for every share and seed each picture is trained on or held out, never both, and regularisation stays") {
  Fixture f;
  for (const double split : {0.05, 0.1, 0.15, 0.5, 0.77, 0.95})
    for (const int64_t seed : {0, 1, 99}) {
      f.defaults.dataset.validation_seed = seed;
      const TrainingData data = f.load(split);
      const std::set<std::string> trained = names(data);
      const std::set<std::string> held = data.validation ? names(*data.validation) : std::set<std::string>{};
      std::set<std::string> all = trained;
      all.insert(held.begin(), held.end());
      CHECK(all.size() == 10);
      CHECK(trained.size() + held.size() == 10);
      CHECK(trained.size() == static_cast<size_t>(std::ceil(10 * (1 - split))));
      CHECK(names(data, true).size() == std::min<size_t>(4, 3 * trained.size()));
      if (data.validation) CHECK(names(*data.validation, true).empty());
    }
  f.defaults.dataset.validation_seed.reset();
  CHECK(names(*f.load(0.5).validation) == names(*f.load(0.5).validation));
}

TEST_CASE("a share that holds nothing out is said, and holding out everything is refused") {
  Fixture f;
  const TrainingData data = f.load(0.01);
  CHECK_FALSE(data.validation);
  CHECK(std::ranges::any_of(data.warnings, [](const std::string& w) {
    return w.find("holds none of its pictures out (10 pictures)") != std::string::npos;
  }));
  CHECK_THROWS_WITH_AS(f.load(1.0), doctest::Contains("no pictures to train on"), Error);
}

TEST_CASE("pictures of no more pixels than skip_image_resolution are left out, and regularisation is balanced anew") {
  Fixture f;
  f.folder.picture("train/3_cat/large.png", 65, 64);
  f.folder.picture("train/3_cat/wide.png", 129, 32);
  f.folder.picture("reg/1_animal/large.png", 100, 100);
  f.defaults.dataset.skip_image_resolution = Size{64, 64};  // exactly as many pixels are left out
  const TrainingData data = f.load(0);
  CHECK(names(data) == std::set<std::string>{"large", "wide"});
  CHECK(names(data, true) == std::set<std::string>{"large"});
  CHECK(data.train_images() == 6);
  CHECK(data.reg_images() == 1);
  CHECK(data.datasets[0].image_counts == std::vector<int64_t>{2, 1});
  for (const Sample& sample : data.samples)
    if (sample.is_reg) CHECK(sample.repeats == 6);  // as many as there are training pictures
  CHECK(data.batches_per_epoch() == 12);

  const auto metadata = dataset_metadata(facts_of(data), 1);
  CHECK(metadata.at("ss_skip_image_resolution") == "(64, 64)");
  CHECK(metadata.at("ss_num_train_images") == "6");

  f.defaults.dataset.skip_image_resolution = Size{100, 101};
  CHECK_THROWS_WITH_AS(f.load(0), doctest::Contains("no pictures to train on"), Error);
  f.defaults.dataset.skip_image_resolution.reset();
  CHECK(f.load(0).train_images() == 36);
  CHECK(!dataset_metadata(facts_of(f.load(0)), 1).contains("ss_skip_image_resolution"));
}
