#include "cli/flags/groups.h"

namespace rankine {

using enum FlagKind;

namespace {

constexpr auto hub_note = "it matters only with --huggingface_repo_id, which is not supported yet";

}  // namespace

FlagGroup other_flags(TrainOptions& o) {
  return {
      "Config file and hub",
      {
          option("--config_file", &o.config_file, "TOML file of flags without their dashes; the command line wins")
              .path()
              .filled(),
          option("--output_config", &o.output_config, "Write the other flags to --config_file, a new file, and stop"),
          refused("--huggingface_repo_id", text, "Hub repository that receives the results"),
          no_effect("--huggingface_repo_type", text, hub_note, "Kind of that repository"),
          no_effect("--huggingface_path_in_repo", text, hub_note, "Folder in that repository"),
          no_effect("--huggingface_token", text, hub_note, "Access token"),
          no_effect("--huggingface_repo_visibility", text, hub_note, "Whether a new repository is public"),
          no_effect("--async_upload", toggle, hub_note, "Upload in the background"),
          refused("--save_state_to_huggingface", toggle, "Upload the state as well"),
          refused("--resume_from_huggingface", toggle, "Read --resume from the hub"),
      },
  };
}

}  // namespace rankine
