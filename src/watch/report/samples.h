#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace rankine {

/// A sample picture that a run has made.
struct SamplePicture {
  std::string file{};    ///< with its folder
  std::string moment{};  ///< "step 250", "epoch 3"
  int64_t step = 0;      ///< of that moment
  int index = 0;         ///< of its prompt, from 0
  std::string prompt{};  ///< from the PNG; empty if it has none
};

/// Finds the pictures of a run in `folder` by sd-scripts' names, NAME_000250_00_yyyymmddhhmmss_SEED.png and
/// NAME_e000003_...; `name` is empty without --output_name. Leaves out pictures after `last_step`, which are of an
/// earlier run; of two of the same moment the later one counts. Sorted by prompt, then step.
std::vector<SamplePicture> find_sample_pictures(const std::string& folder, const std::string& name, int64_t last_step,
                                                int64_t steps_per_epoch);

/// The picture as a data: address of a JPEG of at most `longest` pixels per side. Throws Error if the file is no
/// picture.
std::string thumbnail_url(const std::string& file, int longest);

std::string base64(const std::vector<uint8_t>& bytes);

}  // namespace rankine
