#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace rankine {

/// A sample picture that a run has made while training.
struct SamplePicture {
  std::string file{};    ///< with its folder
  std::string moment{};  ///< "step 250", "epoch 3"
  int64_t step = 0;      ///< of that moment
  int index = 0;         ///< of its prompt, from 0
  std::string prompt{};  ///< as the PNG tells it; empty where it does not
};

/// The pictures of a run in `folder`, by the names that sd-scripts gives them, NAME_000250_00_yyyymmddhhmmss_SEED.png
/// and NAME_e000003_...; `name` is empty when no --output_name was given. Those of moments after `last_step` are of an
/// earlier run and left out; of two of the same moment the later one counts. By prompt, then step.
std::vector<SamplePicture> find_sample_pictures(const std::string& folder, const std::string& name, int64_t last_step,
                                                int64_t steps_per_epoch);

/// The picture, not larger than `longest` pixels a side, as a data: address of a JPEG. Throws Error when the file is no
/// picture.
std::string thumbnail_url(const std::string& file, int longest);

std::string base64(const std::vector<uint8_t>& bytes);

}  // namespace rankine
