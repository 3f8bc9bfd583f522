#include "run/run_length.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

TEST_CASE("epochs and steps follow from each other as sd-scripts counts them") {
  RunConfig config;
  config.gradient_accumulation_steps = 2;
  config.max_train_epochs = 2;
  RunLength length = run_length(config, 23);
  CHECK(length.steps == 24);  // 11 whole steps an epoch, and one of a single batch
  CHECK(length.epochs == 2);
  CHECK(length.batches() == 46);

  config.max_train_epochs.reset();
  config.max_train_steps = 13;
  length = run_length(config, 23);
  CHECK(length.epochs == 2);
  CHECK(length.batches() == 25);

  config.gradient_accumulation_steps = 50;  // more than an epoch has: an epoch is a step
  config.max_train_steps = 3;
  length = run_length(config, 23);
  CHECK(length.epochs == 3);
  CHECK(length.batches() == 69);
  CHECK_THROWS_AS(run_length(config, 0), Error);
}

TEST_CASE("an optimiser step ends after its batches and at the end of an epoch") {
  const RunLength length{.batches_per_epoch = 5, .accumulation = 2, .steps = 6, .epochs = 2};
  CHECK(!length.step_ends_at(0));
  CHECK(length.step_ends_at(1));
  CHECK(!length.step_ends_at(2));
  CHECK(length.step_ends_at(3));
  CHECK(length.step_ends_at(4));
}
