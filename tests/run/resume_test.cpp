// Runs that are stopped, killed and continued: they end bit for bit where a run without a stop ends.
#include <doctest/doctest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <thread>
#include <utility>

#include "io/safetensors.h"
#include "run/state/state_file.h"
#include "run/stopped_run.h"
#include "support/sanitized.h"

extern char** environ;

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

std::string error_of_run(const TrainConfig& config) {
  return error_of([&] { train(config); });
}

/// The steps in metrics.jsonl, from the last line of step 1 on.
std::vector<int64_t> logged_steps(const std::string& out) {
  std::vector<int64_t> steps;
  std::ifstream in(out + "/metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const int64_t step = std::stoll(line.substr(line.find(':') + 1));
    if (step == 1) steps.clear();
    steps.push_back(step);
  }
  return steps;
}

std::vector<int64_t> counted_to(int64_t last) {
  std::vector<int64_t> steps;
  for (int64_t i = 1; i <= last; ++i) steps.push_back(i);
  return steps;
}

/// Two runs, one of them stopped in between: the same weights and the same average loss.
void check_stopped_is_whole(const std::function<void(TrainConfig&)>& change, int64_t stop_after) {
  const TemporaryFolder folder;
  TrainConfig whole = config_in(data_folder(), folder.path("whole")),
              parts = config_in(data_folder(), folder.path("parts"));
  change(whole);
  change(parts);
  const Said straight = train(whole);
  const Said stopped = train(parts, stop_after);
  CHECK(stopped.outcome.interrupted);
  CHECK(stopped.outcome.steps == stop_after);
  CHECK(stopped.outcome.state == folder.path("parts/cat.state"));
  const Said rest = train(parts);
  CHECK(contains(rest.text, concat_text("going on after step ", stop_after)));
  CHECK(rest.outcome.steps == straight.outcome.steps);
  CHECK(rest.outcome.loss == straight.outcome.loss);
  CHECK(weights(rest.outcome.file) == weights(straight.outcome.file));
  CHECK(logged_steps(folder.path("parts")) == counted_to(straight.outcome.steps));
  CHECK(!fs::exists(folder.path("parts/cat.state")));
  CHECK(!fs::exists(folder.path("parts/cat.state.previous")));
}

}  // namespace

TEST_CASE("stopped in the middle of an epoch and continued is the same run, in every precision") {
  struct Case {
    const char* precision;
    bool text_encoder;
    int accumulation;
  };
  size_t index = 0;
  for (const Case& c : {Case{"no", false, 1},
                        {"no", true, 1},
                        {"no", false, 2},
                        {"no", true, 2},
                        Case{"bf16", false, 1},
                        {"bf16", true, 2},
                        {"fp16", true, 1},
                        {"fp16", false, 2}}) {
    if (!is_taken(index++, 3)) continue;
    CAPTURE(c.precision);
    CAPTURE(c.text_encoder);
    CAPTURE(c.accumulation);
    check_stopped_is_whole(
        [&](TrainConfig& config) {
          config.step.mixed_precision = c.precision;
          config.network.network_train_unet_only = !c.text_encoder;
          config.run.gradient_accumulation_steps = c.accumulation;
        },
        c.accumulation == 1 ? 2 : 3);
  }
}

TEST_CASE("stopped and continued is the same run with every kind of dropout and with rates by block") {
  for (const bool checkpointing : {false, true}) {
    if (!is_taken(checkpointing, 2)) continue;
    CAPTURE(checkpointing);
    check_stopped_is_whole(
        [&](TrainConfig& c) {
          c.network.network_train_unet_only = false;
          c.network.network_dropout = 0.3;
          c.network.network_args = {"rank_dropout=0.3", "module_dropout=0.2", "down_lr_weight=sine+.5",
                                    "mid_lr_weight=0.5", "loraplus_lr_ratio=2"};
          c.step.gradient_checkpointing = checkpointing;
          c.run.gradient_accumulation_steps = checkpointing ? 1 : 2;
        },
        2);
  }
}

TEST_CASE("stopped and continued is the same run for every family, with text encoders and without") {
  size_t index = 0;
  for (const char* architecture : {"tiny-sd21", "tiny-sdxl"}) {
    for (const bool text_encoder : {false, true}) {
      if (!is_taken(index++, 3)) continue;
      CAPTURE(architecture);
      CAPTURE(text_encoder);
      check_stopped_is_whole(
          [&](TrainConfig& c) {
            c.model.pretrained_model_name_or_path = tiny_checkpoint(architecture);
            c.model.v_parameterization = true;
            c.network.network_train_unet_only = !text_encoder;
          },
          2);
    }
  }
}

TEST_CASE("stopped and continued is the same run with a schedule of torch's") {
  check_stopped_is_whole(
      [](TrainConfig& c) {
        c.optim.lr_schedule.lr_scheduler_type = "CosineAnnealingWarmRestarts";
        c.optim.lr_schedule.lr_scheduler_args = {"T_0=3", "eta_min=1e-5"};
      },
      2);
}

// RANKINE_RESUME_ALL=1 asks for every optimiser in every precision, with the text encoder and without; else each
// optimiser has one of these, and each precision several optimisers.
TEST_CASE("stopped and continued is the same run with every optimiser, also where numbers have fewer bits") {
  const char* optimizers[] = {"AdamW",
                              "AdamW8bit",
                              "Lion",
                              "Lion8bit",
                              "SGDNesterov",
                              "SGDNesterov8bit",
                              "Adafactor",
                              "Prodigy",
                              "DAdaptAdamPreprint",
                              "DAdaptAdam",
                              "DAdaptAdan",
                              "DAdaptAdanIP",
                              "DAdaptLion",
                              "DAdaptSGD",
                              "DAdaptAdaGrad",
                              "AdamWScheduleFree",
                              "RAdamScheduleFree",
                              "SGDScheduleFree"};
  const std::pair<const char*, void (*)(StepConfig&)> precisions[] = {
      {"no", [](StepConfig& c) { c.mixed_precision = "no"; }},
      {"bf16", [](StepConfig& c) { c.mixed_precision = "bf16"; }},
      {"fp16", [](StepConfig& c) { c.mixed_precision = "fp16"; }},
      {"full_bf16", [](StepConfig& c) { c.mixed_precision = "bf16", c.full_bf16 = true; }},
      {"full_fp16", [](StepConfig& c) { c.mixed_precision = "fp16", c.full_fp16 = true; }},
      {"fp8_base", [](StepConfig& c) { c.mixed_precision = "fp16", c.fp8_base = true; }},
      {"fp8_base_unet", [](StepConfig& c) { c.mixed_precision = "bf16", c.fp8_base_unet = true; }},
  };
  const bool all = std::getenv("RANKINE_RESUME_ALL") != nullptr;
  for (size_t o = 0; o < std::size(optimizers); ++o)
    for (size_t p = 0; p < std::size(precisions); ++p)
      for (const bool text_encoder : {false, true}) {
        if (!is_taken(o, 5)) continue;
        if (!all && (p != o % std::size(precisions) || text_encoder != (o % 2 == 1))) continue;
        CAPTURE(optimizers[o]);
        CAPTURE(precisions[p].first);
        CAPTURE(text_encoder);
        check_stopped_is_whole(
            [&](TrainConfig& c) {
              precisions[p].second(c.step);
              c.network.network_train_unet_only = !text_encoder;
              c.optim.optimizer_type = optimizers[o];
              c.optim.lr_schedule.name = "constant";
              c.run.max_train_steps = 4;
            },
            2);
      }
}

TEST_CASE("stopped and continued is the same run without a latent cache, and with a seed that was drawn") {
  check_stopped_is_whole([](TrainConfig& c) { c.data.cache_latents = false; }, 2);
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  c.run.seed.reset();
  c.save.save_state_on_train_end = true;
  train(c, 2);
  const uint64_t seed = read_state(folder.path("out/cat.state")).seed;
  CHECK(contains(train(c).text, concat_text("seed         ", seed)));
  CHECK(read_state(folder.path("out/cat-state/state.safetensors")).position.step == 5);
}

TEST_CASE("other settings begin anew, say what differs and keep the state; --resume goes on in spite of it") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  train(c, 2);
  c.given_flags["learning_rate"] = "0.002";
  const Said anew = train(c, 3);
  CHECK(contains(anew.text, "learning_rate: not given there, 0.002 here"));
  CHECK(contains(anew.text, "--resume " + folder.path("out/cat.state.old")));
  CHECK(contains(anew.text, "step 1/5"));
  CHECK(read_state(folder.path("out/cat.state")).position.step == 3);

  SUBCASE("from the state put aside, to a later end") {
    c.save.resume = folder.path("out/cat.state.old");
    c.run.max_train_steps = 4;
    const Said on = train(c);
    CHECK(contains(on.text, "going on after step 2"));
    CHECK(contains(on.text, "max_train_steps: 5 there, 4 here"));
    CHECK(!contains(on.text, "step 2/4"));
    CHECK(on.outcome.steps == 4);
  }
  SUBCASE("nothing is left to do") {
    c.save.resume = folder.path("out/cat.state");
    c.run.max_train_steps = 3;
    CHECK(contains(error_of_run(c), "nothing to do"));
  }
  SUBCASE("another network") {
    c.save.resume = folder.path("out/cat.state");
    c.network.network_dim = 4;
    const std::string error = error_of_run(c);
    CHECK(contains(error, "belongs to another run"));
    CHECK(contains(error, "network: "));
  }
  SUBCASE("another optimiser") {
    c.save.resume = folder.path("out/cat.state");
    c.optim.optimizer_type = "Lion";
    CHECK(contains(error_of_run(c), "optimizer kind: "));
  }
}

TEST_CASE("a damaged newest state is passed over for the one before it") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out")), whole = config_in(data_folder(), folder.path("whole"));
  c.save.save_every_n_steps = whole.save.save_every_n_steps = 1;
  train(c, 3);
  fs::resize_file(folder.path("out/cat.state"), 5000);
  const Said rest = train(c);
  CHECK(contains(rest.text, "a newer state cannot be used"));
  CHECK(contains(rest.text, "going on after step 2"));
  CHECK(weights(rest.outcome.file) == weights(train(whole).outcome.file));
  CHECK(logged_steps(folder.path("out")) == counted_to(5));
}

TEST_CASE("state folders and old files come and go as sd-scripts' flags say") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  c.run.max_train_steps = 9;
  c.save.save_every_n_steps = 2;
  c.save.save_last_n_steps = 3;
  c.save.save_last_n_steps_state = 1;
  c.save.save_every_n_epochs = 1;
  c.save.save_last_n_epochs = 1;
  c.save.save_state = true;
  train(c);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path("out"))) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"cat-000002-state", "cat-000002.safetensors", "cat-state",
                                          "cat-step00000006.safetensors", "cat-step00000008-state",
                                          "cat-step00000008.safetensors", "cat.metrics.jsonl", "cat.report.html",
                                          "cat.safetensors", "metrics.jsonl", "report.html"});
  // From a folder of the middle the run ends at the same weights.
  TrainConfig again = config_in(data_folder(), folder.path("again"));
  again.run.max_train_steps = 9;
  again.save.resume = folder.path("out/cat-000002-state");
  const Said said = train(again);
  CHECK(!contains(said.text, "other settings"));
  CHECK(weights(said.outcome.file) == weights(folder.path("out/cat.safetensors")));
}

TEST_CASE("--initial_step and --initial_epoch count on from there") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  c.save.initial_epoch = 2;
  const Said said = train(c);
  CHECK(contains(said.text, "counting from step 3"));
  CHECK(!contains(said.text, "step 3/5"));
  CHECK(contains(said.text, "step 4/5  epoch 2/2"));
  c.save.initial_step = 5;
  CHECK(contains(error_of_run(c), "nothing to do"));
}

TEST_CASE("a state that cannot be saved is said, and training goes on") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  c.run.max_train_steps = 3;
  c.save.save_every_n_steps = 1;
  Trigger buffer("step 1/3", [&] { fs::create_directories(folder.path("out/cat.state.new/in the way")); });
  std::ostream out(&buffer);
  CHECK(run_training(c, out, {.line_seconds = 0}).steps == 3);
  CHECK(contains(buffer.str(), "the state after step 2 could not be saved, training goes on"));
  CHECK(fs::exists(folder.path("out/cat.safetensors")));
}

TEST_CASE("an output folder that vanishes is said, and the run goes on until it is back") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  c.run.max_train_steps = 4;
  c.save.save_every_n_steps = 1;
  Trigger gone("step 1/4", [&] { fs::rename(folder.path("out"), folder.path("elsewhere")); });
  class Later : public std::stringbuf {
   public:
    explicit Later(Trigger& first, std::function<void()> second)
        : first_(first), second_("step 3/4", std::move(second)) {}
    int sync() override {
      for (Trigger* one : {&first_, &second_}) {
        one->str(str());
        one->sync();
      }
      return 0;
    }

   private:
    Trigger& first_;
    Trigger second_;
  } buffer(gone, [&] { fs::rename(folder.path("elsewhere"), folder.path("out")); });
  std::ostream out(&buffer);
  CHECK(run_training(c, out, {.line_seconds = 0}).steps == 4);
  CHECK(contains(buffer.str(), "does not exist; training goes on"));
  CHECK(!fs::exists(folder.path("out/cat-step00000002.safetensors")));
  CHECK(fs::exists(folder.path("out/cat-step00000004.safetensors")));
  CHECK(fs::exists(folder.path("out/cat.safetensors")));
}

// Started by the next test as a process of its own, which can be killed.
TEST_CASE("(child of the next test)" * doctest::skip()) {
  const char *folder = std::getenv("RANKINE_RESUME_CHILD"), *checkpoint = std::getenv("RANKINE_RESUME_CHECKPOINT");
  if (!folder || !checkpoint) return;
  TrainConfig c = config_in(folder, std::string(folder) + "/out", checkpoint);
  c.save.save_every_n_steps = 1;
  c.run.max_train_steps = 8;
  c.network.network_train_unet_only = std::getenv("RANKINE_KILL_TEXT_ENCODERS") == nullptr;
  std::ofstream out(std::string(folder) + "/said.txt", std::ios::app);
  run_training(c, out, {.line_seconds = 0});
}

namespace {

pid_t start_child(const std::string& folder) {
  std::vector<std::string> words = {"test", "--no-skip", "--test-case=(child of the next test)", "--minimal"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  setenv("RANKINE_RESUME_CHILD", folder.c_str(), 1);
  const char* family = std::getenv("RANKINE_KILL_FAMILY");
  setenv("RANKINE_RESUME_CHECKPOINT", tiny_checkpoint(family ? family : "tiny-sd15").c_str(), 1);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ) == 0);
  unsetenv("RANKINE_RESUME_CHILD");
  unsetenv("RANKINE_RESUME_CHECKPOINT");
  return child;
}

/// Lines in metrics.jsonl.
int64_t steps_logged(const std::string& out) {
  std::ifstream in(out + "/metrics.jsonl");
  return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
}

void sleep_for(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// True if the process has ended; it can still be waited for.
bool is_over(pid_t child) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

/// True if it ended by itself, well.
bool ended(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return false;
  CHECK(WEXITSTATUS(status) == 0);
  return true;
}

}  // namespace

TEST_CASE("what a killed process left half-written, report and sample pictures included, is gone after the next run") {
  const TemporaryFolder folder;
  make_data(folder);
  const pid_t gone = start_child(folder.path(""));  // a process that is no more
  kill(gone, SIGKILL);
  ended(gone);
  std::vector<std::string> left;
  for (const char* name :
       {".cat.safetensors", ".cat.state.new", ".cat.report.html", ".cat.metrics.jsonl", "sample/.cat_000001.png"})
    left.push_back(folder.text(concat_text("out/", name, '.', gone, ".0.tmp"), "half"));
  const std::string others = folder.text(concat_text("out/.cat.safetensors.", getpid(), ".99999.tmp"), "being written");
  TrainConfig c = config_in(folder.path(), folder.path("out"));
  c.run.max_train_steps = 1;
  train(c);
  for (const std::string& file : left) {
    CAPTURE(file);
    CHECK(!fs::exists(file));
  }
  CHECK(fs::exists(others));
}

// RANKINE_KILLS=100 asks for more of them, RANKINE_KILL_SEED for other moments, RANKINE_KILL_FAMILY=tiny-sdxl for
// another model, RANKINE_KILL_TEXT_ENCODERS=1 for one whose text encoders are trained, too.
TEST_CASE("killed at random moments, again and again, a run ends with the weights of one that was left alone") {
  const TemporaryFolder whole, killed;
  make_data(whole);
  make_data(killed);
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(ended(start_child(whole.path(""))));
  const std::chrono::duration<double> alone = std::chrono::steady_clock::now() - start;
  const auto weights_there = weights(whole.path("out/cat.safetensors"));

  const char *wanted = std::getenv("RANKINE_KILLS"), *seed = std::getenv("RANKINE_KILL_SEED");
  const int kills = wanted ? std::atoi(wanted) : kSanitized ? 4 : 20;
  int killed_so_far = 0, complete_runs = 0;
  std::mt19937 random(seed ? static_cast<unsigned>(std::atoi(seed)) : 20);
  std::uniform_real_distribution<double> share(0, 1);
  while (killed_so_far < kills || complete_runs == 0) {
    CAPTURE(killed_so_far);
    CAPTURE(complete_runs);
    const int64_t steps_before = steps_logged(killed.path("out"));
    const pid_t child = start_child(killed.path(""));
    if (killed_so_far < kills) {
      // Nearly all of a run's time is its start. So half of the kills wait for a step, and hit what is written after
      // it.
      const bool after_a_step = killed_so_far % 2 == 1;
      while (after_a_step && steps_logged(killed.path("out")) == steps_before && !is_over(child)) sleep_for(1e-3);
      sleep_for(after_a_step ? 0.02 * share(random) : alone.count() * share(random));
      kill(child, SIGKILL);
    }
    if (!ended(child)) {
      ++killed_so_far;
      continue;
    }
    ++complete_runs;
    CHECK(weights(killed.path("out/cat.safetensors")) == weights_there);
    CHECK(logged_steps(killed.path("out")) == counted_to(8));
    for (const auto& entry : fs::recursive_directory_iterator(killed.path("out"))) {
      CAPTURE(entry.path().string());
      CHECK(!entry.path().string().ends_with(".tmp"));
    }
    if (killed_so_far < kills) fs::remove_all(killed.path("out"));  // once more from the start
  }
  MESSAGE(killed_so_far, " kills, ", complete_runs, " complete runs");
}
