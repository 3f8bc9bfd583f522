#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace rankine {

/// The sources of a caption's encoded form: the same recipe gives the same states.
struct TextOutputRecipe {
  std::string caption{};       ///< as encoded: with prefix and suffix
  std::string towers{};        ///< digest of the weights of both text towers
  std::string tokens{};        ///< digest of the token ids of both towers
  DType compute = DType::f32;  ///< of the towers
  int64_t count = 0;           ///< states of a caption: 77, 152 or 227
  int64_t width1 = 0;          ///< of the first tower
  int64_t width2 = 0;          ///< of the second one
  int64_t pooled = 0;          ///< of the pooled output
};

/// The outputs of SDXL's text towers for one caption.
struct TextOutputs {
  std::vector<float> hidden1{};  ///< [count, width1]
  std::vector<float> hidden2{};  ///< [count, width2]
  std::vector<float> pooled{};   ///< [pooled]
};

/// Outputs as read, or the reason why they are invalid: "its caption has changed".
struct TextOutputsRead {
  std::optional<TextOutputs> outputs{};
  std::string reason{};  ///< empty where they count
};

/// FOLDER/STEM_te_outputs.npz, where sd-scripts keeps the encoded caption of a picture.
std::string text_output_file_path(const std::string& picture);

/// Reads sd-scripts' arrays "hidden_state1", "hidden_state2" and "pool2". They count when the file is whole, the shapes
/// are right, all values are finite, and "rankine_provenance" beside them tells this recipe and these arrays' digest.
/// `trust` leaves the last out: the file does not tell its caption, so the caller must know it.
TextOutputsRead read_text_output_file(const std::string& path, const TextOutputRecipe& recipe, bool trust);

/// Writes the file atomically, in sd-scripts' form and with the recipe. Throws FileError if the disk refuses.
void write_text_output_file(const std::string& path, const TextOutputRecipe& recipe, const TextOutputs& outputs);

}  // namespace rankine
