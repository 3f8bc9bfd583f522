#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "train/sample_config.h"

namespace rankine {

/// What made a picture, as A1111's web UI writes it into the PNG chunk `parameters`, so that other programs can read
/// it. LoRAs are part of the prompt there: "<lora:NAME:0.8>".
///   a cat <lora:cats:1>
///   Negative prompt: blurry
///   Steps: 20, Sampler: Euler, CFG scale: 7.5, Seed: 1, Size: 512x512, Model: NAME
std::string parameters_text(const SampleConfig& config, int64_t seed);

/// The next name of a picture in a folder, "im_000003_SEED.png": numbers go on from the highest one that is there, so
/// no picture is ever written over.
std::filesystem::path next_picture(const std::filesystem::path& folder, int64_t seed);

}  // namespace rankine
