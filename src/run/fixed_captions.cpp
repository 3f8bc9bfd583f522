#include "run/fixed_captions.h"

#include <set>

#include "base/rng.h"
#include "text/caption.h"
#include "text/clip_tokenizer.h"

namespace rankine {

std::string fixed_caption(const Sample& sample, const TrainingData& data) {
  CaptionSettings kept = data.subset_of(sample).options.caption;
  kept.dropout_rate = 0;
  kept.dropout_every_n_epochs = 0;
  Rng unused(0, purpose::captions);
  return process_caption(sample.caption, kept, {}, unused);
}

std::vector<std::vector<int32_t>> fixed_captions(const TrainConfig& config, const Model& model,
                                                 const TrainingData& data) {
  const int64_t chunks = token_chunks(config.model.max_token_length);
  std::set<std::vector<int32_t>> captions;
  const auto add = [&](const std::string& caption) {
    captions.insert(model.tokenize(caption, chunks, config.model.weighted_captions).ids);
  };
  for (const Sample& sample : data.samples) {
    const CaptionSettings& c = data.subset_of(sample).options.caption;
    if (c.shuffle || c.tag_dropout_rate > 0 || c.token_warmup_step > 0 || c.enable_wildcard) return {};
    if (c.dropout_rate > 0 || c.dropout_every_n_epochs > 0) add("");
    add(fixed_caption(sample, data));
  }
  return {captions.begin(), captions.end()};
}

size_t caption_bytes(const StepSettings& step, const std::vector<std::vector<int32_t>>& captions) {
  if (step.train_text_encoder) return 0;
  size_t floats = 0;
  for (const std::vector<int32_t>& ids : captions) {
    const int64_t chunks = std::ssize(ids) / count_of(step.model->ids_shape(1));
    for (const ConditionSpec& spec : step.model->condition({chunks}))
      floats += static_cast<size_t>(count_of(spec.shape));
  }
  return floats * sizeof(float);
}

}  // namespace rankine
