#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "sample/sample_config.h"

namespace rankine {

/// The LoRAs of a run of `rankine sample`, as A1111's web UI has them in the prompt: "<lora:NAME:0.8>", and so on.
std::string lora_tags(const SampleConfig& config);

/// The name of a file or folder without its folders and the suffix .safetensors.
std::string model_name(const std::string& path);

/// The next name of a picture in a folder, "im_000003_SEED.png": numbers go on from the highest one that is there, so
/// no picture is ever written over.
std::filesystem::path next_picture(const std::filesystem::path& folder, int64_t seed);

}  // namespace rankine
