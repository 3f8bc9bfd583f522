#include "measure/bench_model.h"

#include "step/checkpoint_constants.h"
#include "step/synthetic_constants.h"

namespace rankine {

BenchModel open_bench_model(const std::string& checkpoint) {
  BenchModel model;
  if (checkpoint.empty()) {
    model.model = default_family().usual();
    model.weights = std::make_unique<SyntheticConstants>();
    return model;
  }
  model.checkpoint = std::make_unique<Checkpoint>(Checkpoint::open(checkpoint));
  model.model = open_model(*model.checkpoint);
  model.weights = std::make_unique<CheckpointConstants>(*model.checkpoint);
  return model;
}

}  // namespace rankine
