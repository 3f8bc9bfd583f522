#pragma once
#include "io/tensor_file.h"
#include "models/family.h"

namespace rankine {

/// The family of a single-file checkpoint, from its tensors' names. Throws Error with a guess at the file's kind (a
/// LoRA, a VAE, another model) if it is not a checkpoint of a known family.
const Family& family_of(const TensorFile& file);

}  // namespace rankine
