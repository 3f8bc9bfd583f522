#include "cli/sample_flags.h"

#include "diffusion/sampler.h"

namespace rankine {
FlagTable sample_flags(SampleConfig& c) {
  return {
      {"Model",
       {
           built("--ckpt", &c.ckpt, "Base model: a .safetensors or .ckpt file or a Diffusers folder")
               .path()
               .filled()
               .alias("--pretrained_model_name_or_path"),
           built("--network_weights", &c.network_weights, "LoRA files").path().filled(),
           built("--network_mul", &c.network_mul, "Their strengths; 1 for those without one"),
           built("--clip_skip", &c.clip_skip, "Use the Nth-from-last layer of the text encoder"),
           built("--v_parameterization", &c.v_parameterization, "The model predicts velocity instead of noise"),
           device_flag(c.device),
           built("--fp16", &c.fp16, "Weights and activations in float16"),
           built("--bf16", &c.bf16, "Weights and activations in bfloat16: half the memory"),
       }},
      {"Picture",
       {
           built("--prompt", &c.prompt, "What to show; (word:1.2) weighs more, [word] less"),
           built("--from_file", &c.from_file, "File of prompts with options, as --sample_prompts of training reads it")
               .path()
               .filled(),
           built("--negative_prompt", &c.negative_prompt, "What to stay away from"),
           built("--W", &c.width, "Width in pixels, a multiple of 8"),
           built("--H", &c.height, "Height in pixels, a multiple of 8"),
           built("--images_per_prompt", &c.images_per_prompt, "Pictures to make"),
           built("--seed", &c.seed, "Seed of the first picture, the others count up; unset: drawn anew"),
           built("--outdir", &c.outdir, "Folder of the pictures").path(),
       }},
      {"Sampling",
       {
           built("--sampler", &c.sampler, "How noise becomes a picture").choose(sampler_names()),
           built("--steps", &c.steps, "Calls of the U-Net"),
           built("--scale", &c.scale, "Guidance: how strongly to follow the prompt; 1 or less is none"),
       }},
  };
}

}  // namespace rankine
