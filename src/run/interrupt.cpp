#include "run/interrupt.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <string_view>

namespace rankine {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

// A signal handler can only reach globals.
volatile std::sig_atomic_t asked_to_end = 0, stop_requested = 0, pipe_is_closed = 0;
std::array<struct sigaction, kSignals.size()> handlers_before;

extern "C" void note_signal(int signal) {
  const bool asks_to_end = signal == SIGINT || signal == SIGTERM;
  if (asks_to_end && asked_to_end != 0) _exit(128 + signal);
  if (asks_to_end) asked_to_end = 1;
  if (signal == SIGPIPE) {
    pipe_is_closed = 1;
    return;
  }
  if (stop_requested != 0) return;
  stop_requested = 1;
  // A step can take many seconds, so the handler answers at once. write() is one of the few calls allowed here.
  constexpr std::string_view text = "\nstopping: this step is ended and saved first; once more stops at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

/// True under nohup: the user wants the run to outlive the terminal.
bool is_ignored(int signal) {
  struct sigaction now {};
  return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  asked_to_end = 0;
  stop_requested = 0;
  pipe_is_closed = 0;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = kSignals[i] == SIGHUP && is_ignored(SIGHUP) ? SIG_IGN : note_signal;
    action.sa_flags = SA_RESTART;  // the loader's reads and the log's writes go on
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], &action, &handlers_before[i]);
  }
}

InterruptGuard::~InterruptGuard() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &handlers_before[i], nullptr);
}

bool InterruptGuard::requested() const { return stop_requested != 0; }
bool InterruptGuard::output_closed() const { return pipe_is_closed != 0; }

}  // namespace rankine
