#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "data/loader.h"
#include "graph/memory/solver.h"
#include "models/checkpoint/checkpoint.h"
#include "optim/lr_schedule.h"
#include "optim/optimizer.h"
#include "run/resume.h"
#include "run/run_identity.h"
#include "run/run_length.h"
#include "run/train_config.h"
#include "sample/previews.h"
#include "step/autoencoder_graph.h"
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

/// All decisions before the first step of a run. Any command can ask for them; `run` (run/run.h) carries them out.
struct RunPlan {
  TrainConfig config;
  const Backend* backend;  ///< from registry.cpp
  Checkpoint checkpoint;   ///< only its headers are read

  StepSettings step;
  UpdateSettings update;
  std::unique_ptr<Optimizer> optimizer;
  std::vector<StepShape> shapes;  ///< every (bucket, batch size) of an epoch
  AutoencoderSettings vae;
  DType saved;          ///< the type of the weights in LoRA files
  MemoryChoice memory;  ///< how steps fit --memory_budget; set in `step` as well

  TrainingData data;
  LoaderConfig loader;  ///< of the whole run
  RunLength length;
  LrSchedule schedule;
  uint64_t seed;
  RunSettings identity;
  RunStart start;  ///< the state that the run continues from, or step 0
  std::vector<Preview> previews;
  std::vector<std::vector<int32_t>> captions;  ///< token ids of each caption; empty if captions vary between uses

  std::vector<std::string> notes;  ///< for the user, in this order
};

/// Decides a run from its configuration, the headers of the checkpoint and a look at the data. Reads the state that the
/// run continues from and, with dim_from_weights, the file of --network_weights; reads no other weights, compiles
/// nothing and writes nothing. Throws Error for every fault of settings, checkpoint, data or the output folder.
/// `backend` must outlive the plan.
RunPlan plan_run(const TrainConfig& config, const Backend& backend);

}  // namespace rankine
