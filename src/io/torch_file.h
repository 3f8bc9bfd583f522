#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "io/safetensors.h"
#include "io/tensor_file.h"

namespace rankine {

/// True for a ZIP archive, PyTorch's format since 1.6, and for its older format.
bool is_torch_file(std::span<const std::byte> bytes);

/// Opens a file of torch.save that holds a dict of tensors, or such a dict under "state_dict" (checkpoints of PyTorch
/// Lightning): `.ckpt`, `.pt`, `.bin`. Nothing in it runs; entries that are not tensors are left out. Format: PyTorch's
/// torch/csrc/jit/serialization and torch/serialization.py, a ZIP archive with a pickle (data.pkl) and each storage's
/// bytes. Throws Error for malformed files, files of PyTorch before 1.6, and tensors that are not row-major.
TensorFile open_torch_file(const std::string& path);

/// The bytes of a file that `torch.load(path, weights_only=True)` reads as a dict of tensors, in the given order: a ZIP
/// archive with a pickle and each tensor's bytes, as torch.save writes it since PyTorch 1.6. Tensors are f32, f16 or
/// bf16. Throws Error for other types, repeated names, sizes that do not match, and files of 4 GiB and more.
std::string serialize_torch(std::span<const TensorToWrite> tensors);

}  // namespace rankine
