#include "watch/progress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <vector>

using namespace rankine;

namespace {

ProgressState state_at(int64_t step, double elapsed_seconds) {
  ProgressState s;
  s.step = step;
  s.total_steps = 1600;
  s.epoch = 4;
  s.total_epochs = 10;
  s.loss = 0.11234;
  s.elapsed_seconds = elapsed_seconds;
  s.seconds_per_step = 0.8;
  s.loader_wait_seconds = 0.004;
  return s;
}

int columns_of(const std::string& text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace

TEST_CASE("a progress line tells step, epoch, loss, speed, remaining time and loader wait") {
  CHECK(progress_line(state_at(614, 0)) == "step 614/1600  epoch 4/10  loss 0.1123  1.25 it/s  13:09 left  wait 0%");
}

TEST_CASE("a progress line has no speed and remaining time while they are unknown") {
  ProgressState s = state_at(1, 0);
  s.seconds_per_step = 0;
  CHECK(progress_line(s) == "step 1/1600  epoch 4/10  loss 0.1123");
}

TEST_CASE("a progress bar fills the width, is filled by eighths, and has all the facts when there is room") {
  CHECK(progress_bar(state_at(800, 0), 94) ==
        " 50%|███████████           | 800/1600  epoch 4/10  loss 0.1123  1.25 it/s  10:40 left  wait 0%");
  ProgressState half = state_at(1, 0);
  half.total_steps = 16;
  CHECK(progress_bar(half, 120).find("|██▌    ") != std::string::npos);
}

TEST_CASE("a progress bar is never wider than the terminal") {
  for (int width = 20; width < 160; ++width) {
    CAPTURE(width);
    CHECK(columns_of(progress_bar(state_at(1234, 0), width)) <= width);
  }
}

TEST_CASE("speeds are steps a second, and seconds a step when a step takes longer") {
  CHECK(speed_text(0.25) == "4.00 it/s");
  CHECK(speed_text(4.7) == "4.70 s/it");
  CHECK(speed_text(0).empty());
}

TEST_CASE("durations grow from seconds to days") {
  CHECK(duration_text(7) == "0:07");
  CHECK(duration_text(795) == "13:15");
  CHECK(duration_text(2 * 3600 + 3 * 60 + 4) == "2:03:04");
  CHECK(duration_text(3 * 86400 + 4 * 3600 + 5 * 60) == "3d 04:05");
  CHECK(duration_text(-1) == "0:00");
}

TEST_CASE("on a terminal the bar is redrawn in place, and a message stands above it") {
  std::ostringstream out;
  {
    Progress progress(out, {.terminal = true, .width = 80});
    progress.update(state_at(1, 0));
    progress.update(state_at(2, 0.01));  // too soon to be drawn
    progress.message("saved x.safetensors");
    progress.update(state_at(3, 1));
  }
  const std::string text = out.str();
  CHECK(count(text, "\n") == 2);  // the message's, and the end
  CHECK(count(text, "\r\x1b[2K") == 4);
  CHECK(text.find("\r\x1b[2Ksaved x.safetensors\n\r\x1b[2K") != std::string::npos);
  CHECK(text.find("3/1600") != std::string::npos);
}

TEST_CASE("in a file plain lines come now and then, the first and the last always") {
  std::ostringstream out;
  {
    Progress progress(out, {.terminal = false, .line_seconds = 10});
    for (int step = 1; step <= 25; ++step) progress.update(state_at(step, step));
    progress.message("saved");
  }
  const std::string text = out.str();
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(count(text, "step ") == 4);  // 1, 11, 21, and 25 at the end
  CHECK(text.find("step 1/") == 0);
  CHECK(text.find("step 11/") != std::string::npos);
  CHECK(text.find("saved\nstep 25/") != std::string::npos);
}

TEST_CASE("after a rollback, which takes the run's time back, lines come on as before") {
  std::ostringstream out;
  {
    Progress progress(out, {.terminal = false, .line_seconds = 10});
    for (int step : {1, 2, 3, 4, 2, 3, 4}) progress.update(state_at(step, 10 * step));
    progress.update(state_at(1600, 1600));
  }
  CHECK(count(out.str(), "step ") == 8);
}

TEST_CASE("the last step is shown at once and once") {
  std::ostringstream out;
  {
    Progress progress(out, {.terminal = false});
    progress.update(state_at(1, 0));
    progress.update(state_at(1600, 1));
  }
  CHECK(count(out.str(), "step 1600/1600") == 1);
}
