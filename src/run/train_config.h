#pragma once
#include <map>
#include <string>

#include "base/named_texts.h"
#include "data/data_config.h"
#include "diffusion/loss_config.h"
#include "models/model_config.h"
#include "network/metadata_config.h"
#include "network/network_config.h"
#include "optim/optim_config.h"
#include "run/run_config.h"
#include "run/save_config.h"
#include "run/validation_config.h"
#include "sample/preview_config.h"
#include "step/step_config.h"
#include "watch/tracker_config.h"

namespace rankine {

/// All settings of a training run: one struct per subject, each with sd-scripts' defaults.
struct TrainConfig {
  ModelConfig model;
  NetworkConfig network;
  DataConfig data;
  OptimConfig optim;
  LossConfig loss;
  StepConfig step;
  RunConfig run;
  SaveConfig save;
  PreviewConfig preview;
  TrackerConfig tracker;
  ValidationConfig validation;
  MetadataConfig metadata;
  /// The flags that change a run's numbers (cli/flags/) and are not at their defaults: they tell two runs apart.
  std::map<std::string, std::string> given_flags{};
  NamedTexts settings{};  ///< all flags that were given, as they were written, for people to read
};

/// Throws Error for the first setting of the data that is missing or out of range.
void check_data_config(const DataConfig& config);

/// Throws Error for the first setting that is missing, out of range, or contradicts another (run/setting_rules.h).
void check_train_config(const TrainConfig& config);

}  // namespace rankine
