#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "run/state/state_store.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

TrainingState a_state(int64_t step) {
  TrainingState state;
  state.position = {.step = step,
                    .updates = step - 1,
                    .skipped = 1,
                    .loss_scale = {8192, 1999},
                    .rollbacks = 2,
                    .losses = {0.5f, 0.25f, 1e-30f}};
  state.seed = 18446744073709551615u;
  state.settings = {{"learning_rate", "0.001"}, {"", "empty"}, {"caption", "ein \"Kätzchen\"\n"}};
  state.variables = {{"lora_unet_a.lora_down.weight", std::vector<float>(100, 0.1f)}, {"exp_avg.x", {-0.0f, 3}}};
  return state;
}

auto files_in(const TemporaryFolder& folder) { return std::distance(fs::directory_iterator(folder.path()), {}); }

}  // namespace

TEST_CASE("a state is read as it was written") {
  const TemporaryFolder folder;
  write_state(folder.path("a.state"), a_state(7));
  const TrainingState read = read_state(folder.path("a.state"));
  CHECK(read.position.step == 7);
  CHECK(read.position.updates == 6);
  CHECK(read.position.skipped == 1);
  CHECK(read.position.loss_scale == LossScaleState{8192, 1999});
  CHECK(read.position.rollbacks == 2);
  CHECK(read.position.rate_factor() == 0.25);
  CHECK(read.position.losses == a_state(7).position.losses);
  CHECK(read.seed == a_state(7).seed);
  CHECK(read.settings == a_state(7).settings);
  REQUIRE(read.variables.size() == 2);
  for (const StateVariable& v : a_state(7).variables)
    CHECK(std::ranges::any_of(read.variables,
                              [&](const StateVariable& r) { return r.name == v.name && r.values == v.values; }));
}

TEST_CASE("flat variables are read with the tensors that they hold, and counts that are none name the file") {
  const TemporaryFolder folder;
  TrainingState state = a_state(7);
  state.flat["unet"] = {{"lora_unet_a.lora_down.weight", 3}, {"lora_unet_a.lora_up.weight", 2}};
  state.variables = {{"unet", {1, 2, 3, 4, 5}}, {"exp_avg.unet", {5, 4, 3, 2, 1}}, {"lr_max.unet", {9}}, {"d", {8}}};
  write_state(folder.path("a.state"), state);
  const TrainingState read = read_state(folder.path("a.state"));
  CHECK(read.flat == state.flat);
  CHECK(tensors_of(read.flat, "unet", 5) == state.flat["unet"]);
  CHECK(tensors_of(read.flat, "exp_avg.unet", 5) == std::vector<FlatMember>{{"exp_avg.lora_unet_a.lora_down.weight", 3},
                                                                            {"exp_avg.lora_unet_a.lora_up.weight", 2}});
  CHECK(tensors_of(read.flat, "lr_max.unet", 1) == std::vector<FlatMember>{{"lr_max.unet", 1}});
  CHECK(tensors_of(read.flat, "d", 1) == std::vector<FlatMember>{{"d", 1}});
  for (const FlatMember& wrong :
       {FlatMember{"a", 0}, FlatMember{"a", -1}, FlatMember{"", 2}, FlatMember{"a", int64_t{1} << 62}}) {
    state.flat["unet"] = {wrong};
    write_state(folder.path("wrong.state"), state);
    CHECK(contains(error_of([&] { read_state(folder.path("wrong.state")); }), "wrong.state: expected a count"));
  }
}

TEST_CASE("a state that is cut anywhere, or has one changed byte, is an error that names the file") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.state");
  write_state(path, a_state(7));
  const std::string whole = bytes_of(path);
  for (size_t i = 0; i < 50; ++i) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, whole.size() * i / 50);
    CHECK(contains(error_of([&] { read_state(path); }), "a.state"));
  }
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    std::ofstream(path, std::ios::binary) << changed;
    CAPTURE(at);
    CHECK(contains(error_of([&] { read_state(path); }), "a.state"));
  }
  write_safetensors(path, {}, {});
  CHECK(contains(error_of([&] { read_state(path); }), "this is no training state"));
}

TEST_CASE("the newest state that can be read is used, and what is wrong with a newer one is told") {
  const TemporaryFolder folder;
  const StateStore files(folder.path("a.state"));
  CHECK(!files.newest());
  for (const int64_t step : {1, 2, 3}) {
    files.save(a_state(step));
    CHECK(files.newest()->state.position.step == step);
  }
  CHECK(files_in(folder) == 2);
  fs::resize_file(folder.path("a.state"), 300);
  const FoundState before = *files.newest();
  CHECK(before.state.position.step == 2);
  CHECK(before.path == folder.path("a.state.previous"));
  REQUIRE(before.notes.size() == 1);
  CHECK(contains(before.notes[0], "a.state"));

  SUBCASE("killed between the two renames of a save") {
    write_state(folder.path("a.state.new"), a_state(4));
    fs::remove(folder.path("a.state"));
    CHECK(files.newest()->state.position.step == 4);
    files.save(a_state(5));
    CHECK(files.newest()->state.position.step == 5);
  }
  SUBCASE("none can be read") {
    fs::resize_file(folder.path("a.state.previous"), 0);
    const std::string error = error_of([&] { files.newest(); });
    CHECK(contains(error, "a.state.previous"));
    CHECK(contains(error, "--network_weights"));
  }
  SUBCASE("put aside, twice") {
    CHECK(files.name_aside() == folder.path("a.state.old"));
    files.put_aside(before.path, files.name_aside());
    CHECK(!files.newest());
    files.save(a_state(9));
    CHECK(files.name_aside() == folder.path("a.state.old2"));
    files.put_aside(files.newest()->path, files.name_aside());
    CHECK(open_state(folder.path("a.state.old")).state.position.step == 2);
    CHECK(files_in(folder) == 2);
  }
}

TEST_CASE("--resume takes a file, a folder, and tells what else it was given") {
  const TemporaryFolder folder;
  const StateStore files(folder.path("a.state"));
  files.save(a_state(3));
  keep_state_in(folder.path("a-state"), files.path());
  keep_state_in(folder.path("a-state"), files.path());
  files.save(a_state(4));
  CHECK(open_state(folder.path("a-state")).state.position.step == 3);
  CHECK(open_state(files.path()).state.position.step == 4);
  CHECK(std::distance(fs::directory_iterator(folder.path("a-state")), {}) == 1);
  CHECK(contains(error_of([&] { open_state(folder.path("nothing")); }), "no such file"));
  fs::create_directories(folder.path("sd"));
  CHECK(contains(error_of([&] { open_state(folder.path("sd")); }), "state.safetensors"));
  std::ofstream(folder.path("sd/optimizer.bin")) << "x";
  CHECK(contains(error_of([&] { open_state(folder.path("sd")); }), "sd-scripts"));
}

TEST_CASE("a state that cannot be written leaves the ones there are") {
  const TemporaryFolder folder;
  const StateStore files(folder.path("a.state"));
  files.save(a_state(1));
  fs::create_directories(folder.path("a.state.new"));
  CHECK(!error_of([&] { files.save(a_state(2)); }).empty());
  fs::remove(folder.path("a.state.new"));
  CHECK(files.newest()->state.position.step == 1);
}

TEST_CASE("temporary files of processes that are gone are removed, others stay") {
  const TemporaryFolder folder;
  const pid_t gone = 99999999;  // above the largest there can be
  const std::vector<std::string> stay = {concat_text(".a.state.", getpid(), ".0.tmp"), ".a.tmp", ".a.x.0.tmp",
                                         concat_text(".b.state.", gone, ".0.tmp"), "a.1.tmp"};
  for (const std::string& name : stay) std::ofstream(folder.path(name)) << "x";
  std::ofstream(folder.path(concat_text(".a.state.new.", gone, ".12.tmp"))) << "x";
  remove_abandoned_files(folder.path(""), "a");
  CHECK(files_in(folder) == static_cast<std::ptrdiff_t>(stay.size()));
  for (const std::string& name : stay) CHECK(fs::exists(folder.path(name)));
}
