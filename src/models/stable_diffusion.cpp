#include "models/stable_diffusion.h"

#include "base/error.h"
#include "models/checkpoint/checkpoint_family.h"

namespace rankine {

StableDiffusionConfig stable_diffusion_config(const Checkpoint& checkpoint) {
  check(checkpoint.family() == ModelFamily::sd15, checkpoint.path(), ": ", name_of(checkpoint.family()),
        " is not supported yet; train from an SD 1.x checkpoint");
  const Sd1Widths widths = sd1_widths(checkpoint);
  StableDiffusionConfig config;
  config.text.width = widths.text_width;
  config.text.layers = widths.text_layers;
  config.unet.channels = widths.unet;
  config.unet.context_width = widths.text_width;
  config.vae.channels = widths.vae;
  return config;
}

}  // namespace rankine
