#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rankine {

/// The structure that the names in a checkpoint depend on: the number of blocks, and which have attention.
struct BlockStructure {
  std::vector<bool> unet_attention = {true, true, true, false};  // by level, from the input inwards
  int unet_layers = 2;  // residual blocks a level going down; one more going up
  int vae_levels = 4;
  int vae_layers = 2;
  /// The single file's name for the text encoder; empty where that is OpenCLIP's, which has names of its own.
  std::string text_encoder = "cond_stage_model.transformer";

  static BlockStructure sd2() { return {.text_encoder = ""}; }
  static BlockStructure sdxl() {
    return {.unet_attention = {false, true, true}, .text_encoder = "conditioner.embedders.0.transformer"};
  }
};

/// The one table between canonical names (a part, then the Diffusers or transformers name:
/// "unet.down_blocks.0.resnets.1.conv1.weight") and names of single-file checkpoints
/// ("model.diffusion_model.input_blocks.2.0.in_layers.2.weight"). Its entries name modules; the rest of a name is the
/// same on both sides.
class DiffusersNames {
 public:
  explicit DiffusersNames(const BlockStructure& structure);

  /// nullopt for a name of an unknown module.
  std::optional<std::string> to_single_file(std::string_view canonical) const;
  std::optional<std::string> to_canonical(std::string_view single_file) const;

  struct Module {
    std::string canonical, single_file;
  };
  const std::vector<Module>& modules() const { return modules_; }

 private:
  void add(std::string canonical, std::string single_file);
  void add_unet(const BlockStructure& structure);
  void add_vae(const BlockStructure& structure);

  std::vector<Module> modules_;
  std::unordered_map<std::string, size_t> by_canonical_, by_single_file_;
};

/// The name with "text_model." at `begin`, where the text encoder's own names begin, if it lacks that: old conversions
/// and transformers from 5.6 on leave it out.
std::string with_text_model(std::string name, size_t begin);

/// The present name of VAE attention in old Diffusers folders (query, key, value, proj_attn); other names unchanged.
std::string modern_vae_name(std::string name);

}  // namespace rankine
