#pragma once
#include <optional>
#include <string>

#include "data/dataset_config.h"

namespace rankine {

/// The training data, as flags describe it. Fields carry the names of sd-scripts' flags.
struct DataConfig {
  std::optional<std::string> train_data_dir;  ///< holds N_name folders of pictures; unused with dataset_config
  std::optional<std::string> reg_data_dir;    ///< the same for regularisation pictures
  std::optional<std::string> dataset_config;  ///< a TOML or JSON file
  std::optional<std::string> in_json;         ///< a metadata file; train_data_dir then holds the pictures themselves
  bool debug_dataset = false;                 ///< show the first epoch and stop
  std::string exif_orientation = "ignore";    ///< "ignore", as sd-scripts does, or "apply"
  bool skip_broken_images = false;            ///< leave out pictures that cannot be trained on
  bool cache_latents = false;                 ///< encode every picture once, before the first step
  bool cache_latents_to_disk = false;         ///< keep the latents beside the pictures; needs cache_latents
  bool cache_text_encoder_outputs = false;    ///< captions must not vary and text encoders not be trained (SDXL)
  bool cache_text_encoder_outputs_to_disk = false;  ///< keep encoded captions beside the pictures (SDXL)
  bool skip_cache_check = false;                    ///< use cache files without checking their sources
  int vae_batch_size = 1;                           ///< only checked: each picture is encoded alone
  DataDefaults defaults;                            ///< every level of dataset_config overrides these
};

}  // namespace rankine
