#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"

namespace rankine {

/// How a caption is varied each time its picture is drawn. Names and defaults are sd-scripts' (without "caption_").
struct CaptionSettings {
  std::string prefix = {}, suffix = {};    ///< joined to the caption by one space
  std::string separator = ",";             ///< between tags; not empty
  std::string secondary_separator = {};    ///< becomes `separator` at the end: tags that stay together; empty: none
  int keep_tokens = 0;                     ///< so many leading tags stay in place
  std::string keep_tokens_separator = {};  ///< "fixed SEP tags SEP fixed": where it occurs, instead of keep_tokens
  bool shuffle = false;
  double dropout_rate = 0;         ///< chance of an empty caption
  int dropout_every_n_epochs = 0;  ///< every caption is empty in these epochs; 0: never
  double tag_dropout_rate = 0;     ///< chance of each tag that is not kept to be left out
  int token_warmup_min = 1;        ///< tags in use at step 0
  double token_warmup_step = 0;    ///< the step from which all are; below 1 a part of max_train_steps
  bool enable_wildcard = false;    ///< {a|b} chooses one, so does each line of several; {{ and }} are braces
};

/// Where the run stands when the caption is drawn.
struct CaptionContext {
  int64_t step = 0;
  int64_t epoch = 1;  ///< counted from 1
  int64_t max_train_steps = 0;
};

/// The caption to train on, as sd-scripts makes it: prefix and suffix, dropout, wildcards (or else the first line
/// only), warm-up of tags, shuffling, dropout of tags, secondary separator. Tags are split, stripped and rejoined with
/// ", " only where shuffling, warm-up or tag dropout is on. `caption` is UTF-8 with "\n" between lines. What is drawn
/// depends on `rng` alone. Throws Error when `separator` is empty.
std::string process_caption(std::string_view caption, const CaptionSettings& settings, const CaptionContext& context,
                            Rng& rng);

}  // namespace rankine
