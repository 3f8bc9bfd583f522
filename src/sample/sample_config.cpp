#include "sample/sample_config.h"

#include "base/error.h"

namespace rankine {

void check_sample_config(const SampleConfig& c) {
  check(c.ckpt.has_value() && !c.ckpt->empty(),
        "--ckpt is missing: name a checkpoint (.safetensors, .ckpt) or a Diffusers folder");
  check(c.network_mul.size() <= c.network_weights.size(), "--network_mul has ", c.network_mul.size(), " strengths for ",
        c.network_weights.size(), " files in --network_weights");
  check(!c.from_file || c.prompt.empty(), "--from_file and --prompt: give one of them");
  check(!c.fp16 || !c.bf16, "--fp16 and --bf16: give one of them");
  check(c.steps >= 1 && c.steps <= 1000, "--steps must be 1 to 1000, got ", c.steps);
  check(c.width >= 64, "--W must be at least 64, got ", c.width);
  check(c.height >= 64, "--H must be at least 64, got ", c.height);
  check(!c.seed || *c.seed >= 0, "--seed must be at least 0, got ", c.seed.value_or(0));
  check(c.images_per_prompt >= 1, "--images_per_prompt must be at least 1, got ", c.images_per_prompt);
  check(!c.clip_skip || *c.clip_skip >= 1, "--clip_skip must be at least 1, got ", c.clip_skip.value_or(0));
}

}  // namespace rankine
