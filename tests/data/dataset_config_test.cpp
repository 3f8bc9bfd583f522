#include "data/dataset_config.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/log.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

/// A file with one dataset and one subset, to which lines are added.
struct Toml {
  std::string general{}, dataset{}, subset{};
  std::string text() const {
    return "[general]\n" + general + "\n[[datasets]]\n" + dataset + "\n[[datasets.subsets]]\nimage_dir = \"pics\"\n" +
           subset + "\n";
  }
};

DatasetConfig read(const TemporaryFolder& folder, const std::string& text, const DataDefaults& defaults = {}) {
  std::filesystem::create_directories(folder.path("pics"));
  return read_dataset_config(folder.text("dataset.toml", text), defaults);
}

void check_refused(const std::string& text, const char* expected) {
  CAPTURE(text);
  const TemporaryFolder folder;
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  CHECK_THROWS_WITH_AS(read(folder, text, defaults), doctest::Contains(expected), Error);
}

}  // namespace

TEST_CASE("a subset goes before its dataset, that before general, and that before the command line") {
  const TemporaryFolder folder;
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  defaults.dataset.batch_size = 7;
  defaults.dataset.enable_bucket = true;
  defaults.subset.caption_extension = ".cap";
  defaults.subset.flip_aug = true;
  defaults.subset.caption.shuffle = true;
  const DatasetConfig config =
      read(folder,
           Toml{.general = "flip_aug = false\nkeep_tokens = 1\nbatch_size = 2",
                .dataset = "keep_tokens = 2\nresolution = [768, 512]\nbatch_size = 3",
                .subset = "keep_tokens = 3\nnum_repeats = 4\nis_reg = true\nclass_tokens = \"a cat\""}
               .text(),
           defaults);
  CHECK(config.from_file);
  REQUIRE(config.datasets.size() == 1);
  const DatasetSection& dataset = config.datasets[0];
  CHECK(dataset.options.resolution == Size{768, 512});
  CHECK(dataset.options.batch_size == 3);
  CHECK(dataset.options.enable_bucket);
  REQUIRE(dataset.subsets.size() == 1);
  const SubsetSection& subset = dataset.subsets[0];
  CHECK(subset.is_reg);
  CHECK(subset.name == "pics");
  CHECK(subset.image_dir == folder.path("pics"));
  CHECK(subset.options.num_repeats == 4);
  CHECK(subset.options.class_tokens == "a cat");
  CHECK_FALSE(subset.options.flip_aug);
  CHECK(subset.options.caption.keep_tokens == 3);
  CHECK(subset.options.caption.shuffle);
  CHECK(subset.options.caption_extension == ".cap");
}

TEST_CASE("unknown keys are refused with their line and the nearest key") {
  check_refused(Toml{.general = "flip_agu = true"}.text(), "dataset.toml:2: unknown key \"flip_agu\"");
  check_refused(Toml{.general = "flip_agu = true"}.text(), "flip_aug");
  check_refused(Toml{.subset = "num_repeat = 2"}.text(), "num_repeats");
  check_refused(Toml{.subset = "resolution = 512"}.text(), "resolution belongs to [[datasets]]");
  check_refused(Toml{.dataset = "image_dir = \"x\""}.text(), "image_dir belongs to [[datasets.subsets]]");
  check_refused("resolution = 512\n" + Toml{}.text(), "dataset.toml:1: unknown key \"resolution\"");
  check_refused("[[dataset]]\n", "datasets");
}

TEST_CASE("values of a wrong type or out of range are refused with their line") {
  check_refused(Toml{.general = "flip_aug = 1"}.text(),
                "dataset.toml:2: flip_aug must be true or false, got a value of type integer");
  check_refused(Toml{.dataset = "batch_size = 1.5"}.text(), "batch_size must be a whole number");
  check_refused(Toml{.dataset = "batch_size = 0"}.text(), "batch_size must be a whole number from 1 on");
  check_refused(Toml{.dataset = "resolution = \"512\""}.text(), "resolution must be a whole number or [width, height]");
  check_refused(Toml{.dataset = "resolution = [512]"}.text(), "resolution must be");
  check_refused(Toml{.dataset = "resolution = [512, 512.0]"}.text(), "resolution must be");
  check_refused(Toml{.subset = "caption_dropout_rate = 1.5"}.text(), "between 0 and 1");
  check_refused(Toml{.subset = "caption_extension = 3"}.text(), "caption_extension must be a text");
  check_refused(Toml{.subset = "resize_interpolation = \"lancos\""}.text(), "resize_interpolation must be one of");
  check_refused("general = 3\n[[datasets]]\n", "general must be a table");
  check_refused("[datasets]\nresolution = 3\n", "datasets must be a list of tables");
  check_refused(Toml{.general = "flip_aug = "}.text(), "not valid TOML");
}

TEST_CASE("a key that is not built is refused by name unless it asks for nothing") {
  check_refused(Toml{.dataset = "network_multiplier = 0.5"}.text(), "network_multiplier is not supported yet");
  const TemporaryFolder folder;
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  CHECK_NOTHROW(read(folder, Toml{.dataset = "network_multiplier = 1.0"}.text(), defaults));
}

TEST_CASE("skip_image_resolution is a size like resolution, or 0, and the nearer level counts") {
  const TemporaryFolder folder;
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  defaults.dataset.skip_image_resolution = Size{700, 700};
  const auto skipped = [&](const Toml& toml) {
    return read(folder, toml.text(), defaults).datasets.at(0).options.skip_image_resolution;
  };
  CHECK(skipped({}) == Size{700, 700});
  CHECK(skipped({.general = "skip_image_resolution = 256"}) == Size{256, 256});
  CHECK(skipped({.general = "skip_image_resolution = 256", .dataset = "skip_image_resolution = [300, 200]"}) ==
        Size{300, 200});
  CHECK(skipped({.dataset = "skip_image_resolution = 0"}) == std::nullopt);
  check_refused(Toml{.dataset = "skip_image_resolution = -1"}.text(), "must be a whole number from 1 on");
  check_refused(Toml{.subset = "skip_image_resolution = 256"}.text(), "skip_image_resolution belongs to [[datasets]]");
}

TEST_CASE("augmentation, masks and the validation split are read at their levels") {
  const TemporaryFolder folder;
  folder.picture("masks/a.png", 8, 8);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  const DatasetConfig config =
      read(folder,
           Toml{.general = "color_aug = true\nvalidation_split = 0.1",
                .dataset = "random_crop = true\nvalidation_seed = -3",
                .subset = "color_aug = false\nface_crop_aug_range = [2, 4.5]\nconditioning_data_dir = \"masks\""}
               .text(),
           defaults);
  const DatasetSection& dataset = config.datasets.at(0);
  CHECK(dataset.options.validation_split == 0.1);
  CHECK(dataset.options.validation_seed == -3);
  const SubsetOptions& options = dataset.subsets.at(0).options;
  CHECK_FALSE(options.color_aug);
  CHECK(options.random_crop);
  CHECK(options.face_crop_aug_range == std::array{2.0, 4.5});
  CHECK(options.conditioning_data_dir == folder.path("masks"));
  check_refused(Toml{.subset = "validation_split = 0.1"}.text(), "validation_split belongs to [[datasets]]");
  check_refused(Toml{.dataset = "validation_split = 1.5"}.text(), "between 0 and 1");
  check_refused(Toml{.subset = "face_crop_aug_range = [4.0, 2.0]"}.text(), "the smaller first");
  check_refused(Toml{.subset = "face_crop_aug_range = 2.0"}.text(), "must be [number, number]");
  check_refused(Toml{.subset = "conditioning_data_dir = \"nowhere\""}.text(), "\"nowhere\" is not a folder");
  check_refused(Toml{.dataset = "conditioning_data_dir = \"pics\""}.text(), "belongs to [[datasets.subsets]]");
  CHECK(face_crop_range_from("2.0, 4.0") == std::array{2.0, 4.0});
  for (const char* text : {"2.0", "a,b", "4,2", "0,1", ""}) CHECK_THROWS_AS(face_crop_range_from(text), Error);
}

TEST_CASE("a file that names nothing to train on, or a folder that is not there, is refused") {
  check_refused("", "no [[datasets]]");
  check_refused("[[datasets]]\nresolution = 512\n", "dataset.toml:1: this dataset has no subsets");
  check_refused("[[datasets]]\n[[datasets.subsets]]\nnum_repeats = 1\n",
                "dataset.toml:2: this subset has no image_dir and no metadata_file");
  check_refused("[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"nowhere\"\n", "\"nowhere\" is not a folder");
  check_refused("[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"D:\\training\\new\"\n",
                "\"D:\\training\\new\" is not a folder; inside double quotes \\t is a tab");
  check_refused("[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'D:\\pictures'\n", "this is a path of Windows");
  check_refused("max_train_steps = 1\n", "a file of flags is given as --config_file");
  check_refused(Toml{.dataset = "enable_bucket = true\nmin_bucket_reso = 640"}.text(), "min_bucket_reso 640 is larger");
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(read(folder, Toml{}.text()), doctest::Contains("no resolution is given"), Error);
  CHECK_THROWS_AS(read_dataset_config(folder.path("none.toml"), {}), Error);
}

TEST_CASE("subfolders named N_words become subsets, others are left out") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  for (const char* name : {"train/10_sks cat", "train/2_a_b", "train/other", "train/0_none", "train/3", "reg/1_cat"})
    std::filesystem::create_directories(folder.path(name));
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  const DatasetConfig config = dataset_from_folders(folder.path("train"), folder.path("reg"), defaults);
  CHECK_FALSE(config.from_file);
  REQUIRE(config.datasets.size() == 1);
  const std::vector<SubsetSection>& subsets = config.datasets[0].subsets;
  REQUIRE(subsets.size() == 4);
  CHECK(subsets[0].name == "10_sks cat");
  CHECK(subsets[0].options.num_repeats == 10);
  CHECK(subsets[0].options.class_tokens == "sks cat");
  CHECK(subsets[1].options.class_tokens == "a_b");
  CHECK(subsets[2].options.class_tokens == "");
  CHECK(subsets[2].options.num_repeats == 3);
  CHECK(subsets[3].is_reg);
  CHECK_FALSE(subsets[0].is_reg);
}

TEST_CASE("a training folder without N_words subfolders is refused with the way to mend it") {
  const TemporaryFolder folder;
  folder.picture("a.png", 8, 8);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  CHECK_THROWS_WITH_AS(dataset_from_folders(folder.path(), "", defaults), doctest::Contains("10_cat"), Error);
  CHECK_THROWS_WITH_AS(dataset_from_folders(folder.path("none"), "", defaults), doctest::Contains("not a folder"),
                       Error);
}

TEST_CASE("a folder of pictures as the training folder is answered with the folder to give") {
  const TemporaryFolder folder;
  folder.picture("train/10_dog/a.png", 8, 8);
  folder.picture("mine/a.png", 8, 8);
  folder.picture("zero/0_dog/a.png", 8, 8);
  folder.picture("zero/9999999999_dog/a.png", 8, 8);
  folder.picture("zero/x/10_dog/a.png", 8, 8);
  std::filesystem::create_directories(folder.path("zero/-1_dog"));
  std::filesystem::create_directories(folder.path("zero/1.5_dog"));
  DataDefaults defaults;
  defaults.dataset.resolution = Size{512, 512};
  const auto fault = [&](const std::string& name, bool is_reg = false) -> std::string {
    try {
      dataset_from_folders(folder.path(is_reg ? "train" : name), is_reg ? folder.path(name) : "", defaults);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto says = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  for (const char* leaf : {"train/10_dog", "train/10_dog/", "train/10_dog/."})
    says(fault(leaf), "directly holds 1 picture, as a folder REPEATS_words does: give its parent, --train_data_dir \"" +
                          folder.path("train") + "\"");
  says(fault("train/10_dog", true), "give its parent, --reg_data_dir \"" + folder.path("train") + "\"");
  says(fault("mine"), "they belong into a subfolder named REPEATS_words, such as 10_cat");
  const std::string zero = fault("zero");
  says(zero, "has no subfolder to train on:\n");
  says(zero, "0_dog: left out: its name asks for 0 repeats: at least 1 is needed to train on it (1 picture)");
  says(zero, "-1_dog: left out: its name asks for -1 repeats");
  says(zero, "1.5_dog: left out: its name does not begin with a number of repeats");
  says(zero, "9999999999_dog: left out: the number of repeats in its name is too large");
  says(zero,
       "x: left out: its name does not begin with a number of repeats, such as \"10_cat\", though it has "
       "subfolders of such names: give it as the folder instead (1 picture)");
  CHECK(fault("zero/x").empty());
}

TEST_CASE("a resolution is one side or width and height") {
  CHECK(resolution_from("512") == Size{512, 512});
  CHECK(resolution_from("512,768") == Size{512, 768});
  CHECK(resolution_from("512, 768") == Size{512, 768});
  for (const char* text : {"", "0", "512,", "512x512", "-8", "1,2,3", "99999999999"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(resolution_from(text), Error);
  }
}
