#pragma once

namespace rankine {

/// While one of these lives, the first Ctrl-C (SIGINT) or SIGTERM only sets `requested`, so that the step in progress
/// can end and be saved; a second one ends the process at once. The handlers of before come back with its end.
/// One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool requested() const;
};

}  // namespace rankine
