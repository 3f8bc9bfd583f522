// A run whose terminal is closed, or whose output nobody reads: it ends its step, saves, and can be continued.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <streambuf>

#include "run/stopped_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

/// Writes to a file descriptor at once, as a terminal's or a pipe's stream does.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor) {}

 protected:
  int overflow(int c) override {
    const char text = static_cast<char>(c);
    return write(descriptor_, &text, 1) == 1 ? c : traits_type::eof();
  }
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    return write(descriptor_, text, static_cast<size_t>(size));
  }

 private:
  int descriptor_;
};

/// The LoRA of the whole run, and that of one which `stop` stopped and the same command continued.
void check_continued(const std::function<TrainOutcome(const TrainConfig&)>& stop) {
  const TemporaryFolder folder;
  const TrainConfig whole = config_in(data_folder(), folder.path("whole")),
                    stopped = config_in(data_folder(), folder.path("stopped"));
  train(whole);
  const TrainOutcome outcome = stop(stopped);
  CHECK(outcome.interrupted);
  CHECK(outcome.steps < 5);
  REQUIRE(outcome.steps >= 1);
  CHECK(fs::exists(outcome.file));
  const Said rest = train(stopped);
  CHECK(rest.outcome.steps == 5);
  CHECK(contains(rest.text, concat_text("step ", outcome.steps)));
  CHECK(weights(folder.path("stopped/cat.safetensors")) == weights(folder.path("whole/cat.safetensors")));
}

}  // namespace

TEST_CASE("a closed terminal ends the step and saves; the same command goes on") {
  check_continued([](const TrainConfig& config) { return train(config, 2, SIGHUP).outcome; });
}

TEST_CASE("a run whose output goes to a program that has ended saves after its next step; the same command goes on") {
  check_continued([](const TrainConfig& config) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    close(ends[0]);
    DescriptorBuffer buffer(ends[1]);
    std::ostream out(&buffer);
    const TrainOutcome outcome = run_training(config, out, {.line_seconds = 0});
    CHECK(out.bad());
    close(ends[1]);
    return outcome;
  });
}

TEST_CASE("a log on a full disk costs a run nothing but its lines") {
  const int full = open("/dev/full", O_WRONLY);
  REQUIRE(full >= 0);
  DescriptorBuffer buffer(full);
  std::ostream out(&buffer);
  const TemporaryFolder folder;
  const TrainOutcome outcome = run_training(config_in(data_folder(), folder.path("out")), out, {.line_seconds = 0});
  CHECK(out.bad());
  CHECK(outcome.steps == 5);
  CHECK(fs::exists(outcome.file));
  close(full);
}
