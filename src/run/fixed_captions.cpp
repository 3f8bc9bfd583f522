#include "run/fixed_captions.h"

#include <set>

#include "base/rng.h"
#include "text/caption.h"
#include "text/caption_tokens.h"
#include "text/clip_tokenizer.h"

namespace rankine {

std::vector<std::vector<int32_t>> fixed_captions(const TrainConfig& config, const TrainingData& data) {
  const int max_token_length = config.model.max_token_length.value_or(75);
  const ClipTokenizer tokenizer(ClipTokenizerConfig::clip_l());
  std::set<std::vector<int32_t>> captions;
  const auto add = [&](const std::string& caption) {
    captions.insert(tokenize_caption(tokenizer, caption, max_token_length, config.model.weighted_captions).ids);
  };
  for (const Sample& sample : data.samples) {
    const CaptionSettings& c = data.subset_of(sample).options.caption;
    if (c.shuffle || c.tag_dropout_rate > 0 || c.token_warmup_step > 0 || c.enable_wildcard) return {};
    if (c.dropout_rate > 0 || c.dropout_every_n_epochs > 0) add("");
    CaptionSettings kept = c;
    kept.dropout_rate = 0;
    kept.dropout_every_n_epochs = 0;
    Rng unused(0, purpose::captions);
    add(process_caption(sample.caption, kept, {}, unused));
  }
  return {captions.begin(), captions.end()};
}

size_t caption_bytes(const StepSettings& step, const std::vector<std::vector<int32_t>>& captions) {
  if (step.train_text_encoder) return 0;
  size_t floats = 0;
  for (const std::vector<int32_t>& ids : captions) {
    const StepShape shape{.chunks = std::ssize(ids) / step.model.text.positions};
    floats += static_cast<size_t>(shape.context_tokens() * step.model.text.width);
  }
  return floats * sizeof(float);
}

}  // namespace rankine
