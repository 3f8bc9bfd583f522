#include "text/caption.h"

#include "data/image_folder.h"
#include "fuzz_file.h"
#include "text/clip_tokenizer.h"
#include "text/weighted_prompt.h"

using namespace rankine;

namespace {

CaptionSettings settings_of(unsigned bits) {
  const auto has = [&](int bit) { return (bits >> bit & 1) != 0; };
  CaptionSettings settings{.shuffle = has(0), .enable_wildcard = has(1)};
  settings.keep_tokens = has(2) ? 2 : 0;
  if (has(3)) settings.keep_tokens_separator = "|||";
  if (has(4)) settings.secondary_separator = ";;;";
  if (has(5)) settings.tag_dropout_rate = 0.5;
  if (has(6)) settings.token_warmup_step = 10;
  if (has(7)) settings.prefix = "{a|b}";
  return settings;
}

}  // namespace

/// The first byte chooses the settings, the others are the caption's file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ClipTokenizer tokenizer;
  const unsigned bits = size > 0 ? data[0] : 0;
  const std::string path = fuzz::file_of(data + (size > 0), size - (size > 0), "a.txt");
  fuzz::read_or_refuse(path, [&] {
    const CaptionSettings settings = settings_of(bits);
    const Caption read = read_caption(path, settings.enable_wildcard);
    Rng rng(bits, 0);
    const std::string caption = process_caption(read.text, settings, {.step = 3}, rng);
    tokenizer.tokenize(caption, 225);
    try {
      tokenizer.tokenize_weighted(caption, 225);
    } catch (const Error& error) {
      fuzz::check_message(error.what(), "weighted caption: ");  // who asks for the caption knows the file
    }
  });
  return 0;
}
