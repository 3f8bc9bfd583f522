#pragma once
#include <span>
#include <string>

#include "io/safetensors.h"

namespace rankine {

/// The bytes of a file that `torch.load(path, weights_only=True)` reads as a dict of tensors, in the given order: a ZIP
/// archive with a pickle and each tensor's bytes, as torch.save writes it since PyTorch 1.6. Tensors are f32, f16 or
/// bf16. Throws Error for other types, repeated names, sizes that do not match, and files of 4 GiB and more.
std::string serialize_torch(std::span<const TensorToWrite> tensors);

}  // namespace rankine
