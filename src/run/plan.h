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
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

/// Everything that is decided before the first step of a run. Any command can ask it; `run` (run/run.h) carries it out.
struct RunPlan {
  TrainConfig config;
  const Backend* backend;  ///< of registry.cpp
  Checkpoint checkpoint;   ///< its headers are read, its weights are not

  StepSettings step;
  UpdateSettings update;
  std::unique_ptr<Optimizer> optimizer;
  std::vector<StepShape> shapes;  ///< every (bucket, batch size) of an epoch
  DType vae;                      ///< the type that the autoencoder computes in
  DType saved;                    ///< the type of the weights in LoRA files
  MemoryChoice memory;            ///< what steps give up to fit --memory_budget; set in `step` as well

  TrainingData data;
  LoaderConfig loader;  ///< of the whole run
  RunLength length;
  LrSchedule schedule;
  uint64_t seed;
  RunSettings identity;
  RunStart start;  ///< a state that the run goes on from, or step 0
  std::vector<Preview> previews;
  std::vector<std::vector<int32_t>> captions;  ///< token ids of each; empty where captions vary from draw to draw

  std::vector<std::string> notes;  ///< for the user to read, in this order
};

/// Decides a run from its configuration, the headers of the checkpoint and a look at the data. Reads the state that
/// the run goes on from and, with dim_from_weights, the file of --network_weights; reads no other weights, compiles
/// nothing and writes nothing. Throws Error for everything that is wrong with settings, checkpoint, data or the folder
/// for results. `backend` must outlive the plan.
RunPlan plan_run(const TrainConfig& config, const Backend& backend);

}  // namespace rankine
