#include "run/debug_dataset.h"

#include <ostream>

#include "data/loader.h"
#include "models/family.h"
#include "run/batch_source.h"
#include "run/dataset_setup.h"
#include "run/run_length.h"

namespace rankine {

void show_dataset(const TrainConfig& config, std::ostream& out) {
  check_train_config(config);
  const TrainingData data = load_training_data(config, default_family().latents);
  const RunLength length = run_length(config.run, data.batches_per_epoch());
  LoaderConfig settings = loader_config(config, static_cast<uint64_t>(config.run.seed.value_or(0)));
  settings.max_train_steps = length.steps;
  settings.end_batch = data.batches_per_epoch();
  settings.decode_images = !config.data.cache_latents;  // as in the run: what cannot be drawn is not
  Loader loader(data, settings);
  while (loader.has_next()) {
    const Batch batch = loader.next();
    out << "batch " << batch.index + 1 << '/' << data.batches_per_epoch() << ", " << batch.bucket.width << 'x'
        << batch.bucket.height << '\n';
    for (size_t i = 0; i < batch.samples.size(); ++i) {
      const Sample& sample = data.samples[static_cast<size_t>(batch.samples[i])];
      out << "  " << batch.files[i] << ", " << sample.size.width << 'x' << sample.size.height << " to "
          << sample.place.resized.width << 'x' << sample.place.resized.height << (batch.flipped[i] ? ", mirrored" : "")
          << ", loss weight " << batch.loss_weights[i] << "\n    \"" << batch.captions[i] << "\"\n";
    }
  }
}

}  // namespace rankine
