// Shared by tests of whole training runs: a tiny model, pictures, and a look at the output and the files of a run.
#pragma once
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/temporary_folder.h"
#include "run/run.h"
#include "run/train_config.h"
#include "watch/progress.h"

namespace rankine::test {

/// A tiny checkpoint with made-up weights, written once and removed when the tests end.
const std::string& tiny_checkpoint(const std::string& architecture = "tiny-sd15");

/// Writes N.png of that size with a caption in N.txt for N = first .. first + count - 1.
void add_pictures(const TemporaryFolder& folder, const std::string& subfolder, int count, int width, int height,
                  int first = 0);

/// Settings that every run of a tiny checkpoint needs: rank 2, U-Net only, seed 7, three steps, to OUTPUT_DIR/cat.
TrainConfig tiny_config(const std::string& checkpoint, const std::string& train_data_dir,
                        const std::string& output_dir);

/// Five pictures of two shapes with captions; an epoch has three batches of at most two.
struct TrainingRun {
  TemporaryFolder folder;
  TrainConfig config;
  Progress::Options progress{.line_seconds = 0};

  TrainingRun();

  TrainOutcome train(std::ostream& out) const { return run_training(config, out, progress); }
  /// The path of the LoRA saved last.
  std::string train() const;
  /// The message of the Error that stops the run; empty if none does.
  std::string error() const;
  /// A path in the output folder.
  std::string out(const std::string& name) const { return folder.path("out/" + name); }
};

/// All tensors of a safetensors file.
std::map<std::string, std::vector<float>> weights(const std::string& path);

std::string bytes_of(const std::string& path);
inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The message of the Error that `call` throws; empty if it throws none.
template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// A stream that does something once, when a text has come through it.
class Trigger : public std::stringbuf {
 public:
  Trigger(std::string text, std::function<void()> action) : text_(std::move(text)), action_(std::move(action)) {}
  int sync() override {
    if (action_ && contains(str(), text_)) std::exchange(action_, nullptr)();
    return 0;
  }

 private:
  std::string text_;
  std::function<void()> action_;
};

}  // namespace rankine::test
