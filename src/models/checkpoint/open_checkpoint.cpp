#include "models/checkpoint/open_checkpoint.h"

namespace rankine {

Checkpoint open_checkpoint(const ModelConfig& config) {
  Checkpoint checkpoint = Checkpoint::open(config.pretrained_model_name_or_path.value_or(""));
  if (const std::string vae = config.vae.value_or(""); !vae.empty()) checkpoint.replace_vae(vae);
  return checkpoint;
}

}  // namespace rankine
