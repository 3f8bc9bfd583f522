#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/tensor_file.h"

namespace rankine {

/// Opens the weights of one part of a Diffusers folder, such as "unet": one file, or the shards that an index file
/// lists. `stem` is the name of its files: "diffusion_pytorch_model", "model". Takes safetensors before PyTorch's
/// files, and full precision before variants such as "fp16". Throws Error if there are none, or if a shard is missing.
std::vector<TensorFile> open_folder_part(const std::filesystem::path& folder, const std::string& stem);

}  // namespace rankine
