#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace rankine {

/// Prompts of a settings file, one a line.
struct PromptLines {
  std::string where;  ///< "preset.json: sample_prompts", for messages
  std::string text;
};

/// Settings of pictures made during training. Fields carry the names of sd-scripts' flags.
struct PreviewConfig {
  std::optional<int64_t> sample_every_n_steps;
  std::optional<int64_t> sample_every_n_epochs;  ///< overrides sample_every_n_steps
  bool sample_at_first = false;                  ///< before the first step
  std::optional<std::string> sample_prompts;     ///< a file: see read_sample_prompts; "": none, so no pictures
  std::optional<PromptLines> prompt_lines;       ///< in place of the file
  std::string sample_sampler = "ddim";           ///< for prompts that name none

  bool wanted() const {
    return sample_at_first || sample_every_n_steps.value_or(0) > 0 || sample_every_n_epochs.value_or(0) > 0;
  }
};

}  // namespace rankine
