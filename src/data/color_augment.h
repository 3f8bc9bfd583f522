#pragma once
#include "base/rng.h"
#include "io/image.h"

namespace rankine {

/// sd-scripts' color_aug: one picture in three has its hue turned by up to 8 of 180 steps, or its brightness changed by
/// a gamma between 0.95 and 1.05. An alpha channel stays unchanged.
void color_augment(Image& image, Rng& rng);

}  // namespace rankine
