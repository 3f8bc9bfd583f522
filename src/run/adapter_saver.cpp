#include "run/adapter_saver.h"

#include "base/timer.h"
#include "io/file_hash.h"
#include "network/adapter_file.h"

namespace rankine {
AdapterSaver::AdapterSaver(const TrainingStep& trainer, TrainingFacts facts, const std::string& base_model,
                           const std::string& vae, DType dtype)
    : trainer_(trainer), facts_(std::move(facts)), dtype_(dtype) {
  const auto hashes_of = [](const std::string& path) {
    return std::async(std::launch::async, [path] { return Hashes{window_hash_of_file(path), sha256_of_file(path)}; });
  };
  hashes_ = hashes_of(base_model);
  if (!vae.empty()) vae_hashes_ = hashes_of(vae);
}

void AdapterSaver::save(const std::string& path, int64_t steps, int64_t epochs) {
  const auto take = [](std::future<Hashes>& future, auto& window, auto& whole) {
    if (!future.valid()) return;
    const Hashes hashes = future.get();
    window = hashes.window;
    whole = hashes.whole;
  };
  take(hashes_, facts_.sd_model_hash, facts_.new_sd_model_hash);
  take(vae_hashes_, facts_.vae_hash, facts_.new_vae_hash);
  AdapterWeights all{.kind = trainer_.settings().adapter};
  for (const AdaptedLayer& layer : trainer_.settings().layers) {
    LayerWeights& weights = all.layers.emplace_back(LayerWeights{.layer = layer});
    for (const AdapterTensor& tensor : all.kind->tensors(layer))
      weights.tensors.push_back(trainer_.evaluation_weights(tensor_name(layer, tensor), count_of(tensor.shape)));
  }
  save_adapter(path, all, dtype_,
               adapter_metadata(facts_, {.steps = steps, .epoch = epochs, .finished_at = unix_time()}));
  last_saved_ = path;
}

}  // namespace rankine
