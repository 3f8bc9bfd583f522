#include "models/checkpoint/open_checkpoint.h"

#include "base/error.h"

namespace rankine {

Checkpoint open_checkpoint(const ModelConfig& config) {
  Checkpoint checkpoint = Checkpoint::open(config.pretrained_model_name_or_path.value_or(""));
  const Family& family = checkpoint.family();
  check(config.script.empty() || config.script == family.script, checkpoint.path(), ": this is an ", family.name,
        " checkpoint, which sd-scripts trains with ", family.script, ", but this line or preset is for ", config.script,
        ": start the other script (in a preset: change \"sdxl\"), or give another checkpoint");
  check(!config.v2 || family.base_model_names(config.v_parameterization).v2, checkpoint.path(), ": this is an ",
        family.name, " checkpoint, but --v2 is for SD 2.x: leave --v2 out, or give another checkpoint");
  if (const std::string vae = config.vae.value_or(""); !vae.empty()) checkpoint.replace_vae(vae);
  return checkpoint;
}

}  // namespace rankine
