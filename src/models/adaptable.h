#pragma once
#include <span>
#include <string>
#include <string_view>

namespace rankine {

/// The role of a model's part: it reads text, or it predicts noise.
enum class Role { text_encoder, denoiser };

/// A part of a model that adapters can change.
struct ModelPart {
  std::string_view name;    ///< the first word of its tensors' names: "text_encoder"
  std::string_view prefix;  ///< keys of LoRA files begin with it: "lora_te"
  Role role = Role::denoiser;
};

/// The denoiser's blocks, which may have their own ranks and learning rates, numbered from its input to its output:
/// `edges` blocks that hold no adapted module, `down` blocks, then `middle` ones, then `up`, then `edges` again.
struct DenoiserBlocks {
  int down = 0, middle = 0, up = 0;
  int edges = 0;
  /// The block of a denoiser's module by its path. Throws Error for a path outside all blocks.
  int (*block_of)(std::string_view path) = nullptr;

  int count() const { return edges + down + middle + up + edges; }
};

/// The modules of a model that adapters change, and their order in files.
struct AdaptableModules {
  std::span<const ModelPart> parts;  ///< in the order of files
  /// Every word that may be in the path of an adapted module. Files hold the modules of one parent in this order; a
  /// path with any other word is not adapted.
  std::span<const std::string_view> words;
  /// Modules with one of these words in their path are adapted only with conv_dim.
  std::span<const std::string_view> convolutional;
  DenoiserBlocks blocks{};
  /// The path of a module as files name it, which `words` and `convolutional` are words of; "" for a module that is
  /// not adapted. Null: the canonical path.
  std::string (*path_in_files)(std::string_view canonical) = nullptr;
};

}  // namespace rankine
