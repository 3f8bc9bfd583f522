#pragma once
#include <csignal>
#include <ostream>
#include <string>

#include "support/training_run.h"

/// Runs of a few steps on three small pictures, which tests stop and continue.
namespace rankine::test {

/// Makes three small pictures; an epoch has three batches.
inline void make_data(const TemporaryFolder& folder) { add_pictures(folder, "pics/1_cat", 3, 64, 64); }

inline const std::string& data_folder() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    make_data(folder);
    return folder.path();
  }();
  return path;
}

inline TrainConfig config_in(const std::string& data, const std::string& out,
                             const std::string& checkpoint = tiny_checkpoint()) {
  TrainConfig c = tiny_config(checkpoint, data + "/pics", out);
  c.data.defaults.subset.caption.shuffle = true;
  c.data.defaults.subset.flip_aug = true;
  c.optim.lr_schedule.name = "cosine";
  c.run.max_train_steps = 5;
  return c;
}

/// The output of a run and how it ended.
struct Said {
  TrainOutcome outcome;
  std::string text;
};

/// Trains; with `stop_after` a signal comes in that step, such as that of Ctrl-C.
inline Said train(const TrainConfig& config, int64_t stop_after = 0, int signal = SIGINT) {
  Trigger buffer(concat_text("step ", stop_after, "/"), [&] {
    if (stop_after > 0) raise(signal);
  });
  std::ostream out(&buffer);
  Said said;
  said.outcome = run_training(config, out, {.line_seconds = 0});
  said.text = buffer.str();
  return said;
}

}  // namespace rankine::test
