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
#include "step/training_step.h"
#include "text/clip_tokenizer.h"

namespace rankine {

/// A sample picture that is made again and again while training.
struct Preview {
  ImageRequest request;
  std::optional<int64_t> seed;  ///< unset: another one each time
};

/// The prompts of --sample_prompts, with sd-scripts' defaults (512 x 512, 30 steps, guidance 7.5); none when no
/// previews are wanted. Throws Error for a file that is missing or wrong, with its line.
std::vector<Preview> read_previews(const PreviewConfig& config);

/// Where sample pictures are written.
struct PreviewFiles {
  std::string folder;                 ///< "OUTPUT_DIR/sample"
  std::optional<std::string> name{};  ///< the files' names begin with it
};

/// "FOLDER/NAME_e000002_00_20260131120000_42.png", as sd-scripts names it: after an epoch (0: before the first step),
/// or "NAME_000100_..." after a step; the seed is left out where the prompt has none.
std::string preview_file(const PreviewFiles& files, int64_t step, std::optional<int64_t> epoch, size_t index,
                         const std::string& time, std::optional<int64_t> seed);

/// Makes sample pictures with a LoRA in training: by the U-Net that is trained, with weights as they would be saved.
/// What training reads and draws is left as it was, so its numbers are the same with and without previews.
class PreviewMaker {
 public:
  struct Parts {
    const PreviewConfig& config;
    PreviewFiles files;
    Prediction prediction;
    DType decoder;  ///< the type that the autoencoder computes in
    const Backend& backend;
    ConstantSource& constants;
    TrainingStep& trainer;
    DType saved;        ///< type of the saved weights
    std::string model;  ///< the base model's name, for the picture's text
  };
  /// Everything referred to must outlive it. The states of a frozen text encoder are computed here.
  PreviewMaker(const Parts& parts, std::vector<Preview> previews);

  /// Whether pictures are due after a step; `epoch` is the one that ends with it. Step 0 is before the first one.
  bool due(int64_t step, std::optional<int64_t> epoch) const;
  /// How often in a run of `steps`, counted from `done`.
  int64_t times_due(int64_t done, int64_t steps, int64_t steps_per_epoch) const;

  /// Makes and writes them; gives the files. `stop` ends it early. Throws Error for numbers that are not finite and for
  /// files that cannot be written; training can go on after that.
  std::vector<std::string> make(int64_t step, std::optional<int64_t> epoch, const std::function<bool()>& stop);

  /// Bytes of activations, and of the decoder, that making pictures takes beyond what the trainer holds.
  size_t more_bytes() const;
  size_t count() const { return previews_.size(); }
  const std::string& folder() const { return parts_.files.folder; }

 private:
  struct Context {
    int64_t chunks = 1;
    std::vector<float> negative, positive;
  };
  Context encode(const ImageRequest& request) const;

  Parts parts_;
  std::vector<Preview> previews_;
  ClipTokenizer tokenizer_;
  std::vector<Context> contexts_;  // of each preview; empty while the text encoder trains
};

}  // namespace rankine
