#include "watch/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <vector>

namespace rankine {
namespace {

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 96> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, values...);
  return buffer.data();
}

std::string percent_text(const ProgressState& s) {
  const double share = s.total_steps > 0 ? static_cast<double>(s.step) / static_cast<double>(s.total_steps) : 0;
  return formatted("%3d%%", static_cast<int>(100 * std::clamp(share, 0.0, 1.0)));
}

std::string ratio_text(int64_t done, int64_t total) {
  return formatted("%lld/%lld", static_cast<long long>(done), static_cast<long long>(total));
}

/// The texts after the step count, most important first: a narrow terminal drops the last ones.
std::vector<std::string> details(const ProgressState& s) {
  std::vector<std::string> parts = {"epoch " + ratio_text(s.epoch, s.total_epochs), formatted("loss %.4f", s.loss)};
  if (s.val_loss) parts.push_back(formatted("val_loss %.4f", *s.val_loss));
  if (s.seconds_per_step > 0) {
    parts.push_back(speed_text(s.seconds_per_step));
    parts.push_back(duration_text(static_cast<double>(s.total_steps - s.step) * s.seconds_per_step) + " left");
    parts.push_back(formatted("wait %.0f%%", 100 * s.loader_wait_seconds / s.seconds_per_step));
  }
  return parts;
}

/// A bar of `columns` cells, filled by eighths.
std::string bar_text(double share, int columns) {
  static constexpr std::array<const char*, 8> eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * columns * 8);
  std::string bar;
  for (int i = 0; i < columns; ++i) {
    const int here = filled - 8 * i;
    bar += here >= 8 ? "█" : eighths[static_cast<size_t>(std::max(here, 0))];
  }
  return bar;
}

}  // namespace

std::string speed_text(double seconds_per_step) {
  if (!(seconds_per_step > 0)) return "";
  return seconds_per_step > 1 ? formatted("%.2f s/it", seconds_per_step) : formatted("%.2f it/s", 1 / seconds_per_step);
}

std::string duration_text(double seconds) {
  const auto s = static_cast<long long>(std::llround(std::clamp(seconds, 0.0, 1e9)));
  const long long days = s / 86400, hours = s / 3600 % 24, minutes = s / 60 % 60;
  if (days > 0) return formatted("%lldd %02lld:%02lld", days, hours, minutes);
  if (hours > 0) return formatted("%lld:%02lld:%02lld", hours, minutes, s % 60);
  return formatted("%lld:%02lld", minutes, s % 60);
}

std::string progress_line(const ProgressState& state) {
  std::string line = "step " + ratio_text(state.step, state.total_steps);
  for (const std::string& part : details(state)) line += "  " + part;
  return line;
}

std::string progress_bar(const ProgressState& state, int width) {
  constexpr int longest_bar = 40, shortest_bar = 5, frame = 3;  // frame: "|", "|", " "
  const std::string percent = percent_text(state);
  std::string tail = ratio_text(state.step, state.total_steps);
  const int room = width - static_cast<int>(percent.size()) - 1;
  for (const std::string& part : details(state))
    if (static_cast<int>(tail.size() + part.size()) + 2 <= room) tail += "  " + part;
  const int columns = std::min(longest_bar, room + 1 - frame - static_cast<int>(tail.size()));
  if (columns < shortest_bar) return percent + " " + tail;
  const double share =
      state.total_steps > 0 ? static_cast<double>(state.step) / static_cast<double>(state.total_steps) : 0;
  return percent + "|" + bar_text(share, columns) + "| " + tail;
}

Progress::Options Progress::options_for_stderr() {
  Options options;
  winsize size{};
  options.terminal = isatty(STDERR_FILENO) == 1;
  if (options.terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  return options;
}

Progress::Progress(std::ostream& out, Options options) : out_(out), options_(options) {}

Progress::~Progress() { finish(); }

void Progress::update(const ProgressState& state) {
  last_ = state;
  last_is_shown_ = false;
  const double pause = options_.terminal ? options_.redraw_seconds : options_.line_seconds;
  const bool is_last = state.step >= state.total_steps;
  const double since =
      state.elapsed_seconds - shown_at_seconds_;  // negative after a rollback, which also resets the time
  if (!anything_shown_ || is_last || since < 0 || since >= pause) show(state);
}

void Progress::message(std::string_view text) {
  if (bar_is_drawn_) out_ << "\r\x1b[2K";
  out_ << text << '\n';
  bar_is_drawn_ = false;
  if (options_.terminal && last_) show(*last_);
  out_.flush();
}

void Progress::finish() {
  if (last_ && !last_is_shown_) show(*last_);
  if (bar_is_drawn_) out_ << '\n' << std::flush;
  bar_is_drawn_ = false;
  last_.reset();
}

void Progress::show(const ProgressState& state) {
  if (options_.terminal) {
    // One column is left free: a full last column makes some terminals wrap.
    out_ << "\r\x1b[2K" << progress_bar(state, options_.width - 1) << std::flush;
    bar_is_drawn_ = true;
  } else {
    out_ << progress_line(state) << '\n' << std::flush;
  }
  last_is_shown_ = true;
  anything_shown_ = true;
  shown_at_seconds_ = state.elapsed_seconds;
}

}  // namespace rankine
