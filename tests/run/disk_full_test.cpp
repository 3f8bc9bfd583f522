// Every kind of save on a disk that has no room: good files stay as they were, what is not saved is said, and training
// goes on. Once on a small disk of its own, where the system lets a test mount one, and once always, with the system's
// limit on the size of files in the full disk's place.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "data/latent_file.h"
#include "io/npz.h"
#include "run/state/state_store.h"
#include "support/event_reader.h"
#include "support/own_process.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

/// A place whose every write can be made to fail.
struct Disk {
  std::string folder;
  std::function<void()> fill, clear;
};

/// No file of this process may grow.
class FileLimit {
 public:
  FileLimit() : handler_(std::signal(SIGXFSZ, SIG_IGN)) { REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0); }
  ~FileLimit() {
    clear();
    std::signal(SIGXFSZ, handler_);
  }
  void fill() const { set({0, before_.rlim_max}); }
  void clear() const { set(before_); }

 private:
  static void set(const rlimit& limit) { REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0); }
  rlimit before_{};
  void (*handler_)(int);
};

/// The folder that a scenario's process has a small disk at.
constexpr const char* kDiskVariable = "RANKINE_TEST_DISK";

Disk small_disk() {
  const char* folder = std::getenv(kDiskVariable);
  REQUIRE(folder != nullptr);
  const std::string filler = std::string(folder) + "/filler";
  return {folder,
          [filler] {
            std::ofstream file(filler, std::ios::binary | std::ios::app);
            for (const size_t size : {size_t{1} << 16, size_t{1} << 10, size_t{1}}) {
              const std::string block(size, 'x');
              while (file.write(block.data(), static_cast<std::streamsize>(size)).flush()) continue;
              file.clear();
            }
          },
          [filler] { fs::remove(filler); }};
}

/// Does things once each, in this order, when their texts have come through it.
class Script : public std::stringbuf {
 public:
  explicit Script(std::vector<std::pair<std::string, std::function<void()>>> acts) : acts_(std::move(acts)) {}
  int sync() override {
    if (next_ < acts_.size() && contains(str(), acts_[next_].first)) acts_[next_++].second();
    return 0;
  }
  bool is_over() const { return next_ == acts_.size(); }

 private:
  std::vector<std::pair<std::string, std::function<void()>>> acts_;
  size_t next_ = 0;
};

using Contents = std::map<std::string, std::string>;

/// All files of a folder that grow by whole replacement; logs, which are appended to, are left out.
Contents contents(const std::string& folder) {
  Contents all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.ends_with("metrics.jsonl") && name.find("tfevents") == name.npos)
      all[fs::relative(entry.path(), folder).string()] = bytes_of(entry.path().string());
  }
  return all;
}

/// A run that saves everything there is at each of its six steps.
struct SavingRun : SmallRun {
  explicit SavingRun(const std::string& output) {
    config.save.output_dir = output;
    config.run.max_train_steps = 6;
    config.save.save_every_n_steps = 1;
    config.save.save_state = true;
    config.tracker.logging_dir = output + "/logs";
    config.preview.sample_every_n_steps = 1;
    config.preview.sample_prompts = folder.text("prompts.txt", "a cat --w 64 --h 64 --s 1 --d 5\n");
  }
  std::string out(const std::string& name) const { return *config.save.output_dir + "/" + name; }
  TrainOutcome train_to(std::ostream& stream) const { return run_training(config, stream, {.line_seconds = 0}); }
};

/// The LoRA of a run that nothing disturbs.
const std::map<std::string, std::vector<float>>& undisturbed() {
  static const auto weights_of_it = [] {
    const SmallRun run;
    TrainConfig config = run.config;
    config.run.max_train_steps = 6;
    std::ostringstream out;
    return weights(run_training(config, out, {.line_seconds = 0}).file);
  }();
  return weights_of_it;
}

void check_full_for_some_steps(const Disk& disk) {
  const SavingRun run(disk.folder + "/out");
  Contents before, after;
  Script script({{"step 2/6",
                  [&] {
                    before = contents(run.out(""));
                    disk.fill();
                  }},
                 {"step 4/6", [&] {
                    after = contents(run.out(""));
                    after.erase("filler");
                    disk.clear();
                  }}});
  std::ostream out(&script);
  const TrainOutcome outcome = run.train_to(out);
  REQUIRE(script.is_over());
  CHECK(outcome.steps == 6);
  REQUIRE(before.contains("cat.state"));
  REQUIRE(before.contains("cat-step00000002.safetensors"));
  REQUIRE(before.contains("cat-step00000002-state/state.safetensors"));
  REQUIRE(before.contains("cat.report.html"));
  for (const auto& [name, bytes] : before) {
    CAPTURE(name);
    CHECK(after[name] == bytes);
  }
  for (const auto& [name, bytes] : after) {
    CAPTURE(name);
    CHECK(before.contains(name));  // nothing half-written, and no temporary file
  }
  const std::string said = script.str();
  for (const char* part : {"cat-step00000003.safetensors", "the state after step 3 could not be saved",
                           "the report cannot be written", "no sample pictures after step 3", "training goes on"}) {
    CAPTURE(part);
    CHECK(contains(said, part));
  }
  // With room again everything is saved again, and the numbers are those of a run with no fault.
  CHECK(fs::exists(run.out("cat-step00000005.safetensors")));
  CHECK(open_state(run.out("cat-step00000005-state")).state.position.step == 5);
  CHECK(weights(outcome.file) == undisturbed());
  CHECK(contains(bytes_of(run.out("report.html")), "badge finished"));
  std::ifstream metrics(run.out("metrics.jsonl"));
  std::string line;
  while (std::getline(metrics, line))
    if (contains(line, "{\"step\":5")) CHECK(line.ends_with("}"));
  for (const auto& entry : fs::recursive_directory_iterator(run.out("logs")))
    if (entry.is_regular_file()) {
      std::string_view rest;
      const std::string bytes = bytes_of(entry.path().string());
      CHECK(read_events(bytes, &rest).size() > 5);
      CHECK(rest.empty());
    }
}

void check_full_to_the_end(const Disk& disk) {
  const SavingRun run(disk.folder + "/out");
  fs::create_directories(run.out(""));
  std::ofstream(run.out("cat.safetensors")) << "an earlier LoRA";
  Script script({{"step 2/6", disk.fill}});
  std::ostream out(&script);
  const std::string error = error_of([&] { run.train_to(out); });
  CHECK(contains(error, run.out("cat.safetensors") + ": "));
  CHECK(contains(error, "all 6 steps are done"));
  CHECK(bytes_of(run.out("cat.safetensors")) == "an earlier LoRA");
  CHECK(read_state(run.out("cat.state")).position.step == 2);
  disk.clear();
  // Where there is room elsewhere, the LoRA is there.
  if (const size_t at = error.find("It is saved in "); at != error.npos) {
    const std::string file = error.substr(at + 15, error.find(" instead") - at - 15);
    CHECK(weights(file) == undisturbed());
    fs::remove(file);
  }
  std::ostringstream again;
  const TrainOutcome outcome = run.train_to(again);
  CHECK(contains(again.str(), "going on after step 2"));
  CHECK(weights(outcome.file) == undisturbed());
}

void check_interrupted_when_full(const Disk& disk) {
  const SavingRun run(disk.folder + "/out");
  Script script({{"step 2/6", disk.fill}, {"step 4/6", [] { raise(SIGINT); }}});
  std::ostream out(&script);
  const std::string error = error_of([&] { run.train_to(out); });
  CHECK(contains(error, "cat-step00000004.safetensors: "));
  CHECK(contains(error, "stopped after step 4"));
  CHECK(read_state(run.out("cat.state")).position.step == 2);
  disk.clear();
  if (const size_t at = error.find("It is saved in "); at != error.npos)
    fs::remove(error.substr(at + 15, error.find(" instead") - at - 15));
  std::ostringstream again;
  CHECK(weights(run.train_to(again).file) == undisturbed());
}

using Scenario = void (*)(const Disk&);

void with_limit(Scenario scenario) {
  const TemporaryFolder folder;
  const FileLimit limit;
  scenario({folder.path(), [&] { limit.fill(); }, [&] { limit.clear(); }});
}

/// Runs a scenario's test case where /SOME/FOLDER is a disk of that size.
void on_small_disk(const std::string& test_case, const char* size) {
  const TemporaryFolder folder;
  const std::string path = folder.path(), uid_map = concat_text("0 ", getuid(), " 1"),
                    gid_map = concat_text("0 ", getgid(), " 1");
  const OwnProcess process = run_in_own_process(test_case, kDiskVariable, path, [&] {
    return mount_small_disk(path.c_str(), size, uid_map.c_str(), gid_map.c_str());
  });
  if (!process.could_start) {
    MESSAGE("no disk can be mounted here: only the limit on the size of files was tested");
    return;
  }
  INFO(process.output);
  CHECK(process.passed);
}

}  // namespace

TEST_CASE("a disk that is full for some steps costs the saves of these steps alone") {
  with_limit(check_full_for_some_steps);
  on_small_disk("scenario: full for some steps", "size=24m");
}
TEST_CASE("a disk that is full to the end costs no good file, and the same command goes on") {
  with_limit(check_full_to_the_end);
  on_small_disk("scenario: full to the end", "size=24m");
}
TEST_CASE("Ctrl-C on a full disk says what could not be saved, and the state there was is gone on from") {
  with_limit(check_interrupted_when_full);
  on_small_disk("scenario: interrupted when full", "size=24m");
}

TEST_CASE("scenario: full for some steps" * doctest::skip()) { check_full_for_some_steps(small_disk()); }
TEST_CASE("scenario: full to the end" * doctest::skip()) { check_full_to_the_end(small_disk()); }
TEST_CASE("scenario: interrupted when full" * doctest::skip()) { check_interrupted_when_full(small_disk()); }

TEST_CASE("a latent cache on a full disk stays as it was, and the run goes on from memory") {
  on_small_disk("scenario: latents on a full disk", "size=4m");
}

TEST_CASE("scenario: latents on a full disk" * doctest::skip()) {
  const Disk disk = small_disk();
  SmallRun run;
  fs::copy(run.folder.path("pics"), disk.folder + "/pics", fs::copy_options::recursive);
  run.config.data.train_data_dir = disk.folder + "/pics";
  run.config.data.cache_latents_to_disk = true;
  fs::remove_all(disk.folder + "/pics/1_cat/4.png");
  run.train();  // makes the files of pictures 0 to 3
  const Contents made = contents(disk.folder + "/pics");
  REQUIRE(made.contains("1_cat/0_0064x0064_sd.npz"));
  // One file is out of date and one is missing.
  write_png(disk.folder + "/pics/1_cat/0.png", pattern(64, 64, 90));
  fs::copy(run.folder.path("pics/1_cat/4.png"), disk.folder + "/pics/1_cat/4.png");
  disk.fill();
  std::ostringstream out;
  const TrainOutcome outcome = run_training(run.config, out, {.line_seconds = 0});
  CHECK(contains(out.str(), "kept in memory only: "));
  CHECK(contains(out.str(), "and 1 more"));
  for (const auto& [name, bytes] : contents(disk.folder + "/pics"))
    if (name.ends_with(".npz")) {
      CAPTURE(name);
      CHECK(made.at(name) == bytes);
    }
  disk.clear();
  const auto from_memory = weights(outcome.file);
  CHECK(run.trained() == from_memory);  // now from files
}

TEST_CASE("an output folder that vanishes for some steps costs the saves of these steps alone") {
  const TemporaryFolder place;
  SavingRun run(place.path("out"));
  run.config.preview = {};  // which would make the folder
  Script script({{"step 2/6", [&] { fs::rename(place.path("out"), place.path("away")); }},
                 {"step 4/6", [&] { fs::create_directories(place.path("out")); }}});
  std::ostream out(&script);
  const TrainOutcome outcome = run.train_to(out);
  CHECK(contains(script.str(), "does not exist; training goes on"));
  CHECK(fs::exists(run.out("cat-step00000005.safetensors")));
  CHECK(fs::exists(place.path("away/cat-step00000002.safetensors")));
  CHECK(weights(outcome.file) == undisturbed());
}

TEST_CASE("an output folder that is gone at the end is made for the last save") {
  const TemporaryFolder place;
  SavingRun run(place.path("out"));
  run.config.preview = {};  // which would make the folder
  Script script({{"step 5/6", [&] { fs::remove_all(place.path("out")); }}});
  std::ostream out(&script);
  CHECK(weights(run.train_to(out).file) == undisturbed());
  CHECK(fs::exists(run.out("cat.safetensors")));
}

TEST_CASE("a folder that may not be written is an error before the run, and said during it") {
  const TemporaryFolder place;
  fs::permissions(place.path(), fs::perms::all);
  const auto enter = [] {
    // Root may write everywhere: another user stands in.
    return getuid() != 0 || (setgroups(0, nullptr) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
  };
  const OwnProcess process =
      run_in_own_process("scenario: a folder without permission", kDiskVariable, place.path(), enter);
  if (!process.could_start) {
    MESSAGE("this test cannot give up root's rights: skipped");
    return;
  }
  INFO(process.output);
  CHECK(process.passed);
}

TEST_CASE("scenario: a folder without permission" * doctest::skip()) {
  const std::string place = std::getenv(kDiskVariable);
  const SavingRun run(place + "/out");
  fs::create_directories(place + "/out");
  fs::permissions(place + "/out", fs::perms::owner_read | fs::perms::owner_exec);
  std::ostringstream nothing;
  CHECK(contains(error_of([&] { run.train_to(nothing); }), "Permission denied"));
  fs::permissions(place + "/out", fs::perms::owner_all);
  Script script({{"step 2/6", [&] { fs::permissions(place + "/out", fs::perms::owner_read | fs::perms::owner_exec); }},
                 {"step 4/6", [&] { fs::permissions(place + "/out", fs::perms::owner_all); }}});
  std::ostream out(&script);
  const TrainOutcome outcome = run.train_to(out);
  CHECK(contains(script.str(), "Permission denied; training goes on"));
  CHECK(weights(outcome.file) == undisturbed());
}
