#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "models/checkpoint/checkpoint.h"
#include "sample/image_request.h"
#include "sample/image_sampler.h"
#include "sample/sample_config.h"
#include "watch/progress.h"

namespace rankine {

/// Everything that is decided before the first picture.
struct SamplePlan {
  SampleConfig config;
  const Backend* backend;
  Checkpoint checkpoint;  ///< its headers are read, its weights are not
  ImageSamplerConfig settings;
  std::vector<ImageRequest> requests;  ///< the pictures, in order, each with its seed
};

/// Decides which pictures are made and how. Reads headers and the file of prompts, writes nothing. Throws Error for
/// everything that is wrong with them. `backend` must outlive the plan.
SamplePlan plan_sample(const SampleConfig& config, const Backend& backend);

/// Makes the pictures of a plan and gives the files written. The progress goes to `status`. Throws Error.
std::vector<std::string> sample_pictures(SamplePlan&& plan, std::ostream& status, const Progress::Options& progress);

}  // namespace rankine
