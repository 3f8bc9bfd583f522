#include "watch/tensorboard_log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <regex>

#include "base/error.h"
#include "io/image.h"
#include "support/event_reader.h"

using namespace rankine;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(fs::temp_directory_path() / concat_text("rankine-", name, "-", getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  TrackerConfig config() const {
    TrackerConfig c;
    c.logging_dir = (path_ / "logs").string();
    return c;
  }
  std::string lora() const { return (path_ / "out/cat.safetensors").string(); }

 private:
  fs::path path_;
};

std::vector<ReadEvent> events_in(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return read_events(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace

TEST_CASE("a step's numbers have the names of sd-scripts' trackers, those of epochs apart") {
  StepMetrics m;
  m.step = 40;
  m.epoch = 2;
  m.loss = 0.25;
  m.loss_average = 0.5;
  m.learning_rates = {{"text_encoder", 5e-5}, {"unet", 1e-4}, {"unet_plus", 2e-4}};
  m.grad_norm = 0.125;
  m.values = {{"lr/d*lr/unet", 1e-6}, {"max_norm/keys_scaled", 3}, {"loss/validation/epoch_average", 0.75}};
  m.resident_bytes = int64_t{3} << 29;
  m.step_seconds = 2;
  m.seconds = {{"load", 0.5}};
  const TrackedValues values = tracked_values(m, true);
  CHECK(values.by_step == EventFile::Scalars{{"loss/current", 0.25},
                                             {"loss/average", 0.5},
                                             {"lr/textencoder", 5e-5},
                                             {"lr/unet", 1e-4},
                                             {"lr/unet plus", 2e-4},
                                             {"norm/grad_norm", 0.125},
                                             {"lr/d*lr/unet", 1e-6},
                                             {"max_norm/keys_scaled", 3},
                                             {"memory/resident_gib", 1.5},
                                             {"speed/steps_per_second", 0.5},
                                             {"time/step_seconds", 2},
                                             {"time/load_seconds", 0.5}});
  CHECK(values.by_epoch == EventFile::Scalars{{"loss/validation/epoch_average", 0.75}, {"loss/epoch_average", 0.5}});
  m.values.clear();
  CHECK(tracked_values(m, false).by_epoch.empty());
}

TEST_CASE("event folders are called as sd-scripts calls them") {
  const Folder folder("tb-names");
  TrackerConfig config = folder.config();
  const std::string logs = *config.logging_dir;
  const auto is = [&](const std::string& pattern) {
    const std::string path = tensorboard_folder(config, folder.lora(), false).path.string();
    return std::regex_match(path.substr(logs.size() + 1), std::regex(pattern));
  };
  CHECK(is("\\d{14}/network_train"));
  config.log_prefix = "dog_";
  CHECK(is("dog_\\d{14}/network_train"));
  config.log_tracker_name = "mine";
  CHECK(is("dog_\\d{14}/mine"));
  CHECK_FALSE(fs::exists(logs));
}

TEST_CASE("a run that goes on writes a new last file in its own folder and voids the steps that are done again") {
  const Folder folder("tb-resume");
  const TrackerConfig config = folder.config();
  StepMetrics m;
  m.step = 7;
  m.epoch = 3;
  m.loss = m.loss_average = 1;
  const fs::path own = fs::path(*config.logging_dir) / "20200101000000/network_train";
  const fs::path other = fs::path(*config.logging_dir) / "20210101000000/network_train";
  const std::string run = tensorboard_folder(config, folder.lora(), false).run;
  TensorBoardLog({own, run}, 0).write(m, true);
  TensorBoardLog({other, "0badf00d"}, 0).write(m, false);

  const TensorBoardFolder found = tensorboard_folder(config, folder.lora(), true);
  CHECK(found.path == own);
  CHECK(tensorboard_folder(config, folder.lora() + "x", true).path != own);
  std::string first;
  for (const auto& entry : fs::directory_iterator(own)) first = entry.path().string();
  CHECK(std::regex_match(fs::path(first).filename().string(),
                         std::regex("events\\.out\\.tfevents\\.\\d{10}\\..*\\.\\d+\\." + run)));
  TensorBoardLog again(found, 5);
  CHECK(again.path() > first);  // readers go by the names

  const std::vector<ReadEvent> before = events_in(first), after = events_in(again.path());
  REQUIRE(before.size() == 3);
  CHECK(before[1].step == 7);
  CHECK(before[2].step == 3);
  CHECK(before[2].scalars.at("loss/epoch_average") == 1);
  REQUIRE(after.size() == 2);
  CHECK(after[1].session_status == 1);
  CHECK(after[1].step == 6);
}

TEST_CASE("settings become a table whose cells hold any text, and pictures keep their bytes") {
  const Folder folder("tb-more");
  TensorBoardLog log(tensorboard_folder(folder.config(), folder.lora(), false), 0);
  log.write_settings({{"optimizer_args", "a|b\nc"}});
  Image image{.width = 3, .height = 2};
  image.pixels.assign(18, 100);
  const std::string png = folder.lora() + ".png";
  fs::create_directories(fs::path(png).parent_path());
  write_png(png, image);
  log.write_picture(png, "0", 250);
  const std::vector<ReadEvent> events = events_in(log.path());
  REQUIRE(events.size() == 3);
  CHECK(events[1].texts.at("settings") == "| setting | value |\n| --- | --- |\n| optimizer_args | a\\|b c |\n");
  CHECK(events[2].step == 250);
  CHECK(events[2].image_sizes.at("sample/0") == std::pair<int64_t, int64_t>(3, 2));
  std::ifstream in(png, std::ios::binary);
  CHECK(events[2].images.at("sample/0") == std::string(std::istreambuf_iterator<char>(in), {}));
}

TEST_CASE("a logging folder that cannot be written is an error before the run") {
  TrackerConfig config;
  check_logging_dir(config);  // nothing is asked for
  config.logging_dir = "/proc/nowhere";
  CHECK_THROWS_WITH_AS(check_logging_dir(config), doctest::Contains("--logging_dir /proc/nowhere"), Error);
}
