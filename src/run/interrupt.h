#pragma once

namespace rankine {

/// While one of these lives, the first Ctrl-C (SIGINT) or SIGTERM only sets `requested`, so that the step in progress
/// can finish and be saved; a second one ends the process at once. The destructor restores the previous handlers. At
/// most one may exist.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool requested() const;
};

}  // namespace rankine
