#include "measure/bench_model.h"

#include "models/checkpoint/layout.h"
#include "step/checkpoint_constants.h"
#include "step/synthetic_constants.h"

namespace rankine {

BenchModel open_bench_model(const std::string& checkpoint) {
  BenchModel model;
  if (checkpoint.empty()) {
    model.tensors = sd1_tensors({});
    model.weights = std::make_unique<SyntheticConstants>();
    return model;
  }
  model.checkpoint = std::make_unique<Checkpoint>(Checkpoint::open(checkpoint));
  model.config = stable_diffusion_config(*model.checkpoint);
  model.tensors = model.checkpoint->tensors();
  model.weights = std::make_unique<CheckpointConstants>(*model.checkpoint);
  return model;
}

}  // namespace rankine
