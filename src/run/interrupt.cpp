#include "run/interrupt.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <string_view>

namespace rankine {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM};

// A signal handler can only reach globals.
volatile std::sig_atomic_t signals_seen = 0;
std::array<struct sigaction, kSignals.size()> handlers_before;

extern "C" void note_signal(int signal) {
  if (signals_seen != 0) _exit(128 + signal);
  signals_seen = 1;
  // A step can take many seconds, so the handler answers at once. write() is one of the few calls allowed here.
  constexpr std::string_view text = "\nstopping: this step is ended and saved first; once more stops at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

InterruptGuard::InterruptGuard() {
  signals_seen = 0;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;  // the loader's reads and the log's writes go on
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], &action, &handlers_before[i]);
  }
}

InterruptGuard::~InterruptGuard() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &handlers_before[i], nullptr);
}

bool InterruptGuard::requested() const { return signals_seen != 0; }

}  // namespace rankine
