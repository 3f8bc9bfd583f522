#pragma once
#include "io/tensor_file.h"
#include "models/family.h"

namespace rankine {

/// The family of a single-file checkpoint, by its tensors' names. Throws Error saying what the file seems to be (a
/// LoRA, a VAE, another model) when it is a checkpoint of no known family.
const Family& family_of(const TensorFile& file);

}  // namespace rankine
