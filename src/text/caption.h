#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"

namespace rankine {

/// Settings that vary a caption at each use of its picture. Names and defaults are sd-scripts' (without "caption_").
struct CaptionSettings {
  std::string prefix = {}, suffix = {};    ///< joined to the caption by one space
  std::string separator = ",";             ///< between tags; not empty
  std::string secondary_separator = {};    ///< becomes `separator` at the end; joins tags; empty: none
  int keep_tokens = 0;                     ///< this many leading tags stay in place
  std::string keep_tokens_separator = {};  ///< "fixed SEP tags SEP fixed": if it occurs, it replaces keep_tokens
  bool shuffle = false;
  double dropout_rate = 0;         ///< chance of an empty caption
  int dropout_every_n_epochs = 0;  ///< every caption is empty in these epochs; 0: never
  double tag_dropout_rate = 0;     ///< chance of each tag that is not kept to be dropped
  int token_warmup_min = 1;        ///< tags in use at step 0
  double token_warmup_step = 0;    ///< all tags are in use from this step on; below 1 it is a part of max_train_steps
  bool enable_wildcard = false;    ///< {a|b} and several lines choose one alternative; {{ and }} are braces
};

/// The position of the run when a caption is made.
struct CaptionContext {
  int64_t step = 0;
  int64_t epoch = 1;  ///< counted from 1
  int64_t max_train_steps = 0;
};

/// Makes the caption to train on, as sd-scripts does: prefix and suffix, dropout, wildcards (or else the first line
/// only), warm-up of tags, shuffling, dropout of tags, secondary separator. Splits tags and rejoins them with the
/// separator and a space only if shuffling, warm-up or tag dropout is on. `caption` is UTF-8 with "\n" between lines. Random choices depend on
/// `rng` alone. Throws Error if `separator` is empty.
std::string process_caption(std::string_view caption, const CaptionSettings& settings, const CaptionContext& context,
                            Rng& rng);

}  // namespace rankine
