#pragma once
#include "cli/flags.h"

// The flags of `rankine train`, a file per subject, a function per group of `rankine help`, a line per flag. A new flag
// is a field with its default in the config struct that it belongs to, and a line in its group:
//   setting    sets a field that changes the run's numbers
//   source     names a file, data or a state; two runs are compared by what it names
//   option     sets a field that changes no number: names of results, reports, speed, memory
//   no_effect  is accepted; the reason says why there is nothing to do
//   refused    stops the run with "not supported yet", except at its default or at another value that means "off"
// recorded() names the key of the LoRA's metadata that stores the value; without an argument it is the flag's own.

namespace rankine {

FlagGroup model_flags(ModelConfig& c);
FlagGroup network_flags(NetworkConfig& c);
FlagGroup dataset_flags(TrainOptions& o);
FlagGroup bucket_flags(DataDefaults& defaults);
FlagGroup caption_flags(TrainOptions& o);
FlagGroup training_flags(RunConfig& run, StepConfig& c);
FlagGroup optimizer_flags(TrainOptions& o);
FlagGroup loss_flags(LossConfig& c, SubsetOptions& subset);
FlagGroup save_flags(SaveConfig& c);
FlagGroup metadata_flags(MetadataConfig& c);
FlagGroup watching_flags(TrainOptions& o);
FlagGroup other_flags(TrainOptions& o);

}  // namespace rankine
