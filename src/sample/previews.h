#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "sample/image_request.h"
#include "sample/preview_config.h"
#include "sample/prompt_states.h"
#include "step/autoencoder_graph.h"
#include "step/training_step.h"

namespace rankine {

/// A sample picture that is made repeatedly during training.
struct Preview {
  ImageRequest request;
  std::optional<int64_t> seed;  ///< unset: another seed each time
};

/// Reads the prompts of --sample_prompts, with sd-scripts' defaults (512 x 512, 30 steps, guidance 7.5). Empty if
/// previews are off. Throws Error for a file that is missing or wrong for the model, with its line.
std::vector<Preview> read_previews(const PreviewConfig& config, const Model& model);

/// The place of sample pictures.
struct PreviewFiles {
  std::string folder;                 ///< "OUTPUT_DIR/sample"
  std::optional<std::string> name{};  ///< prefix of the files' names
};

/// "FOLDER/NAME_e000002_00_20260131120000_42.png", sd-scripts' name after an epoch (0: before the first step), or
/// "NAME_000100_..." after a step. The seed is left out if the prompt has none.
std::string preview_file(const PreviewFiles& files, int64_t step, std::optional<int64_t> epoch, size_t index,
                         const std::string& time, std::optional<int64_t> seed);

/// Makes sample pictures with the network in training, its weights as they would be saved. Training reads and draws the
/// same numbers with and without previews.
class PreviewMaker {
 public:
  struct Parts {
    const PreviewConfig& config;
    PreviewFiles files;
    Prediction prediction;
    AutoencoderSettings autoencoder;
    const Backend& backend;
    ConstantSource& constants;
    TrainingStep& trainer;
    DType saved;        ///< type of the saved weights
    std::string model;  ///< the base model's name, for the picture's text
  };
  /// All references must outlive this object. The constructor computes the states of a frozen text encoder.
  PreviewMaker(const Parts& parts, std::vector<Preview> previews);

  /// True if pictures are due after a step; `epoch` is the one that ends with it. Step 0 is before the first one.
  bool due(int64_t step, std::optional<int64_t> epoch) const;
  /// The number of times pictures are due in a run of `steps`, counted from `done`.
  int64_t times_due(int64_t done, int64_t steps, int64_t steps_per_epoch) const;

  /// Makes and writes the pictures and returns the files. `stop` ends it early. Throws Error for numbers that are not
  /// finite and for files that cannot be written; training may continue after that.
  std::vector<std::string> make(int64_t step, std::optional<int64_t> epoch, const std::function<bool()>& stop);

  /// Bytes of activations and of the decoder that pictures need beyond the memory that the step holds.
  size_t more_bytes() const;
  size_t count() const { return previews_.size(); }
  const std::string& folder() const { return parts_.files.folder; }

 private:
  struct Context {
    int64_t chunks = 1;
    ConditionNumbers negative, positive;
  };
  Context encode(const ImageRequest& request) const;

  Parts parts_;
  std::vector<Preview> previews_;
  std::vector<Context> contexts_;  // of each preview; empty while the text encoder trains
};

}  // namespace rankine
