#pragma once

namespace rankine {

/// While one of these lives, signals that would end the process are only noted, so that the step in progress can finish
/// and be saved: Ctrl-C (SIGINT), SIGTERM, SIGHUP (the terminal or the connection is closed) and SIGPIPE (nobody reads
/// the output any more). A second SIGINT or SIGTERM ends the process at once; SIGHUP and SIGPIPE come several times by
/// themselves and never do. SIGHUP stays ignored under nohup. The destructor restores the previous handlers. At most
/// one may exist.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// True once SIGINT, SIGTERM or SIGHUP asked for the end: also the work before the first step stops.
  bool requested() const;
  /// True once SIGPIPE came: the run ends after the next step, which leaves something to save.
  bool output_closed() const;
};

}  // namespace rankine
