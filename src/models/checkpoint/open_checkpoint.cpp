#include "models/checkpoint/open_checkpoint.h"

#include "base/error.h"

namespace rankine {

Checkpoint open_checkpoint(const ModelConfig& config) {
  Checkpoint checkpoint = Checkpoint::open(config.pretrained_model_name_or_path.value_or(""));
  check(!config.v2 || checkpoint.family().base_model_names(config.v_parameterization).v2, checkpoint.path(),
        ": this is an ", checkpoint.family().name,
        " checkpoint, but --v2 is for SD 2.x: leave --v2 out, or give another checkpoint");
  if (const std::string vae = config.vae.value_or(""); !vae.empty()) checkpoint.replace_vae(vae);
  return checkpoint;
}

}  // namespace rankine
