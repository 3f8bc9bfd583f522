#include "run/interrupt.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

using namespace rankine;

TEST_CASE("the first signal is only noted, and the handlers of before come back") {
  const auto before = std::signal(SIGTERM, SIG_IGN);
  {
    const InterruptGuard guard;
    CHECK(!guard.requested());
    raise(SIGTERM);
    CHECK(guard.requested());
  }
  raise(SIGTERM);  // ignored, as before
  CHECK(!InterruptGuard().requested());
  std::signal(SIGTERM, before);
}

TEST_CASE("a second signal ends the process at once") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const InterruptGuard guard;
    raise(SIGINT);
    raise(SIGINT);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 128 + SIGINT);
}

TEST_CASE("a closed terminal and a reader that is gone ask for the end too, as often as they like") {
  const InterruptGuard guard;
  raise(SIGPIPE);
  raise(SIGPIPE);  // each further write brings one
  CHECK(guard.output_closed());
  CHECK(!guard.requested());
  raise(SIGHUP);
  raise(SIGHUP);  // a shell and the kernel both send it
  CHECK(guard.requested());
  raise(SIGTERM);
  raise(SIGHUP);  // the end of a session: SIGTERM, then SIGHUP
}

TEST_CASE("under nohup a closed terminal does not stop the run") {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    const InterruptGuard guard;
    raise(SIGHUP);
    CHECK(!guard.requested());
  }
  std::signal(SIGHUP, before);
}
