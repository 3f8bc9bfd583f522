#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/latent_file.h"

namespace rankine {

/// Latents to make once for all samples that share them.
struct LatentItem {
  int sample = 0;         ///< one of these samples
  LatentRecipe recipe{};  ///< without digests and type
  LatentNeeds needs{};    ///< of all samples together
  std::string file{};     ///< the cache file; empty: none
};

/// All latents of a run.
struct LatentPlan {
  std::vector<LatentItem> items{};  ///< items of one size are together
  std::vector<int> item_of_sample{};
  std::vector<std::string> without_file{};  ///< pictures that would share another one's file: only suffixes differ
};

/// Equal uses of a picture share their latents. With `to_disk` each picture has a file, which holds all its
/// sizes.
LatentPlan plan_latents(const TrainingData& data, bool to_disk);

}  // namespace rankine
