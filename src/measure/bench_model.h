#pragma once
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "models/checkpoint/checkpoint.h"
#include "models/model.h"

namespace rankine {

/// The model that a benchmark runs: a checkpoint's, or the first family's usual one with made-up weights.
struct BenchModel {
  std::shared_ptr<const Model> model;
  std::unique_ptr<ConstantSource> weights;
  std::unique_ptr<Checkpoint> checkpoint;  ///< that `weights` reads; null where they are made up
};

/// `checkpoint`: a file or a Diffusers folder; empty: made-up weights. Throws Error as Checkpoint does.
BenchModel open_bench_model(const std::string& checkpoint);

}  // namespace rankine
