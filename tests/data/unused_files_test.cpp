#include "data/unused_files.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "data/dataset.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

DatasetConfig config_of(const TemporaryFolder& folder, const CheckConfig& check) {
  log::set_level(log::Level::error);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{64, 64};
  defaults.subset.caption_extension = ".txt";
  DatasetConfig config = dataset_from_folders(folder.path(), "", defaults);
  config.check = check;
  return config;
}

void put_good_picture(const TemporaryFolder& folder) {
  folder.picture("1_cat/good.png", 64, 64, 3);
  folder.text("1_cat/good.txt", "a cat");
}

std::string check_text(const TemporaryFolder& folder, const CheckConfig& check = {}) {
  Findings findings;
  look_at_dataset(config_of(folder, check), findings, 1);
  return report_text(findings);
}

}  // namespace

TEST_CASE("a dataset of many folders with one picture each is described in a few lines") {
  const TemporaryFolder folder;
  for (int i = 0; i < 300; ++i) folder.picture(concat_text("1_dog ", i, "/a.png"), 40, 40, i);
  const std::string text = check_text(folder);
  CAPTURE(text);
  CHECK(text.find("300 files in 300 folders: no caption file (.txt), the class words are used\n") != std::string::npos);
  CHECK(text.find("1_dog 0/a.png (\"dog 0\")") != std::string::npos);
  CHECK(std::ranges::count(text, '\n') < 80);
}

TEST_CASE("pictures in folders inside a subset's folder are warned of, at any depth") {
  const TemporaryFolder folder;
  put_good_picture(folder);
  for (const char* name : {"sub/a.png", "sub/b.PNG", "sub/deep/c.jpg", ".hidden/d.png", "none/notes.txt"})
    folder.text(concat_text("1_cat/", name), "x");
  const std::string text = check_text(folder);
  CAPTURE(text);
  CHECK(text.find("2 warnings\n  2 folders: its pictures are not used: as in sd-scripts, only") == 0);
  CHECK(text.find(folder.path("1_cat/sub") + " (2 pictures)\n") != std::string::npos);
  CHECK(text.find(folder.path("1_cat/sub/deep") + " (1 picture)\n") != std::string::npos);
  CHECK(text.find("hidden") == std::string::npos);
}

TEST_CASE("a folder in another one is used, and not warned of, if it is a subset or holds the masks") {
  const TemporaryFolder folder;
  put_good_picture(folder);
  folder.picture("1_cat/sub/good.png", 64, 64, 7);
  folder.text("1_cat/sub/good.txt", "a cat");
  folder.picture("1_cat/masks/good.png", 64, 64, 8);
  DatasetConfig config = config_of(folder, {});
  config.datasets[0].subsets[0].options.conditioning_data_dir = folder.path("1_cat/masks/");
  config.datasets[0].subsets.push_back(config.datasets[0].subsets[0]);
  config.datasets[0].subsets[1].image_dir = folder.path("1_cat/../1_cat/sub");
  Findings findings;
  look_at_dataset(config, findings, 1);
  CHECK(report_text(findings) == "");
}

TEST_CASE("a folder with pictures only further down says so, and one whose pictures were refused is not called empty") {
  const TemporaryFolder folder;
  put_good_picture(folder);
  folder.picture("5_b/deeper/a.png", 64, 64, 5);
  folder.text("2_bad/a.png", "no picture");
  folder.text("2_bad/a.txt", "a cat");
  fs::create_directories(folder.path("3_empty"));
  const std::string text = check_text(folder);
  CAPTURE(text);
  CHECK(text.find("5_b: no pictures to train on in the folder itself, only in folders below it") != std::string::npos);
  CHECK(text.find("3_empty: no pictures to train on (.png") != std::string::npos);
  CHECK(text.find("2_bad: no pictures") == std::string::npos);
  CHECK(text.find("2_bad/a.png: not a PNG") != std::string::npos);

  fs::remove_all(folder.path("1_cat"));
  fs::remove_all(folder.path("3_empty"));
  const std::string all_bad = check_text(folder);
  CAPTURE(all_bad);
  CHECK(all_bad.starts_with("1 error\n"));
  CHECK(check_text(folder, {.skip_broken_images = true}).find("this dataset has no pictures to train on") !=
        std::string::npos);
}

TEST_CASE("folders that are no subset are listed with the reason, as a warning only if pictures are lost") {
  const TemporaryFolder folder;
  put_good_picture(folder);
  folder.picture("0_dog/a.png", 64, 64, 1);
  folder.picture("unnamed/deep/a.png", 64, 64, 2);
  folder.picture("group/10_a/a.png", 64, 64, 3);
  folder.picture("loose.png", 64, 64, 4);
  fs::create_directories(folder.path("logs"));
  fs::create_directories(folder.path(".cache"));
  const std::string text = check_text(folder);
  CAPTURE(text);
  const auto says = [&](const std::string& part) { return text.find(part) != std::string::npos; };
  CHECK(text.starts_with("4 warnings\n"));
  CHECK(says("0_dog: left out: its name asks for 0 repeats: at least 1 is needed to train on it (1 picture)"));
  CHECK(says("unnamed: left out: its name does not begin with a number of repeats, such as \"10_cat\" (1 picture)"));
  CHECK(
      says("group: left out: its name does not begin with a number of repeats, such as \"10_cat\", though it has "
           "subfolders of such names: give it as the folder instead (1 picture)"));
  CHECK(says(folder.path() + ": the pictures that lie directly in it are not used"));
  CHECK(says("1 note\n  " + folder.path("logs") + ": left out: its name does not begin"));
  CHECK_FALSE(says(".cache"));
}
