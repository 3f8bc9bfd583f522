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
