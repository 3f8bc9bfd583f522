#include "run/length_notes.h"

#include <doctest/doctest.h>

using namespace rankine;

TEST_CASE("intervals longer than the run are named with the run's length") {
  const RunLength length{.batches_per_epoch = 5, .steps = 20, .epochs = 4};
  TrainConfig config;
  CHECK(length_notes(config, length).empty());

  config.save.save_every_n_epochs = 5;
  config.save.save_every_n_steps = 21;
  config.preview.sample_every_n_steps = 100;
  const std::vector<std::string> notes = length_notes(config, length);
  REQUIRE(notes.size() == 3);
  CHECK(notes[0] == "--save_every_n_epochs 5: the run has 4 epochs, so only the end is saved");
  CHECK(notes[1] == "--save_every_n_steps 21: the run has 20 steps, so only the end is saved");
  CHECK(notes[2] == "--sample_every_n_steps 100: the run has 20 steps, so no pictures are made by it");

  config.save.save_every_n_epochs = 4;
  config.save.save_every_n_steps = 20;
  config.preview.sample_every_n_steps = 20;
  CHECK(length_notes(config, length).empty());
  config.preview.sample_every_n_steps = 100;
  config.preview.sample_every_n_epochs = 5;
  CHECK(length_notes(config, length).size() == 1);
}
