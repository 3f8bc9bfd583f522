#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "sample/sample_config.h"

namespace rankine {

/// The LoRAs of `rankine sample` as A1111's web UI writes them into the prompt: "<lora:NAME:0.8>", and so on.
std::string lora_tags(const SampleConfig& config);

/// The name of a file or folder without its folders and the suffix .safetensors.
std::string model_name(const std::string& path);

/// Makes the folder. Throws FileError where that is refused.
void make_picture_folder(const std::filesystem::path& folder);

/// The next free name in a folder, "im_000003_SEED.png": numbers continue after the highest one, so no picture is ever
/// overwritten.
std::filesystem::path next_picture(const std::filesystem::path& folder, int64_t seed);

}  // namespace rankine
