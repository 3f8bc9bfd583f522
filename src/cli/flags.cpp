#include "cli/flags.h"

#include "cli/flags/groups.h"

namespace rankine {

FlagTable train_flags(TrainOptions& options) {
  TrainConfig& c = options.config;
  return {
      model_flags(c.model),     network_flags(c.network),
      dataset_flags(options),   bucket_flags(c.data.defaults),
      caption_flags(options),   training_flags(c.run, c.step),
      optimizer_flags(options), loss_flags(c.loss, c.data.defaults.subset),
      save_flags(c.save),       metadata_flags(c.metadata),
      watching_flags(options),  other_flags(options),
  };
}

}  // namespace rankine
