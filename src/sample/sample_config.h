#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rankine {

/// Settings of `rankine sample`; names as in sd-scripts' gen_img.py.
struct SampleConfig {
  std::optional<std::string> ckpt;           ///< a file or a Diffusers folder
  std::vector<std::string> network_weights;  ///< LoRA files
  std::vector<double> network_mul;           ///< their strengths; 1 for the others
  std::string prompt;
  std::optional<std::string> from_file;  ///< a file of prompts with options, in the form of --sample_prompts
  std::string negative_prompt;
  std::string sampler = "ddim";
  int steps = 50;
  double scale = 7.5;           ///< guidance; 1: the negative prompt is ignored
  std::optional<int64_t> seed;  ///< of the first picture; the others count up; unset: random
  int width = 512, height = 512;
  int images_per_prompt = 1;
  std::optional<int> clip_skip;
  bool v_parameterization = false;
  std::string device = "auto";  ///< as find_backend takes it
  bool fp16 = false;            ///< weights and activations in float16
  bool bf16 = false;            ///< in bfloat16
  std::string outdir = "outputs";

  double strength(size_t network) const { return network < network_mul.size() ? network_mul[network] : 1; }
};

/// Throws Error for the first setting that is missing, out of range, or contradicts another.
void check_sample_config(const SampleConfig& config);

}  // namespace rankine
