#pragma once
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace rankine {

/// The position of a run after a step.
struct ProgressState {
  int64_t step = 0;  ///< optimiser steps done
  int64_t total_steps = 0;
  int64_t epoch = 0;  ///< the current one, from 1
  int64_t total_epochs = 0;
  double loss = 0;                 ///< average over the last epoch's worth of steps
  std::optional<double> val_loss;  ///< of the last validation
  double elapsed_seconds = 0;      ///< since the run started
  double seconds_per_step = 0;     ///< recent average; 0 while unknown
  double loader_wait_seconds = 0;  ///< wait per step for its batch; recent average
};

/// ` 38%|████▌       | 614/1600  epoch 4/10  loss 0.1123  1.24 it/s  13:15 left  wait 0%`, never wider than `width`
/// columns: the bar shrinks first and then disappears.
std::string progress_bar(const ProgressState& state, int width);
/// The same for a log: `step 614/1600  epoch 4/10  loss 0.1123  1.24 it/s  13:15 left  wait 0%`.
std::string progress_line(const ProgressState& state);

/// "1.24 it/s", or "4.70 s/it" if a step takes more than a second; "" if unknown.
std::string speed_text(double seconds_per_step);
/// "0:07", "13:15", "2:03:04", "3d 04:05".
std::string duration_text(double seconds);

/// Shows the progress of a run: a bar that is redrawn in place on a terminal, else a plain line from time to time.
class Progress {
 public:
  struct Options {
    bool terminal = false;        ///< redraw one line
    int width = 80;               ///< of the terminal, in columns
    double line_seconds = 10;     ///< least time between plain lines
    double redraw_seconds = 0.1;  ///< least time between redraws
  };
  /// The options for standard error: a terminal and its width, or neither.
  static Options options_for_stderr();

  /// `out` must outlive this.
  Progress(std::ostream& out, Options options);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const ProgressState& state);
  /// Writes a line of its own; the bar is drawn again below it.
  void message(std::string_view text);
  /// Shows the last state if it was skipped, and ends the line. The destructor calls it too.
  void finish();

 private:
  void show(const ProgressState& state);

  std::ostream& out_;
  Options options_;
  std::optional<ProgressState> last_;
  bool last_is_shown_ = false;
  bool bar_is_drawn_ = false;
  double shown_at_seconds_ = 0;
  bool anything_shown_ = false;
};

}  // namespace rankine
