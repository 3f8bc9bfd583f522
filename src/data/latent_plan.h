#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/latent_file.h"

namespace rankine {

/// Latents that are made once, however many samples they serve.
struct LatentItem {
  int sample = 0;         ///< one of those
  LatentRecipe recipe{};  ///< without digests and type
  LatentNeeds needs{};    ///< of any of them
  std::string file{};     ///< where they are kept; empty: nowhere
  std::string suffix{};   ///< see write_latent_file
  std::vector<std::string> keep{};
};

/// All latents of a run.
struct LatentPlan {
  std::vector<LatentItem> items{};  ///< those of one size together
  std::vector<int> item_of_sample{};
  std::vector<std::string> without_file{};  ///< pictures whose file is another one's: only their suffixes differ
};

/// Pictures that are used several times alike share their latents. With `to_disk` each has its file; where a picture is
/// used in several sizes, these share it.
LatentPlan plan_latents(const TrainingData& data, bool to_disk);

}  // namespace rankine
