#include "cli/flags/groups.h"

#include "network/adapter.h"

namespace rankine {

using enum FlagKind;

FlagGroup model_flags(ModelConfig& c) {
  return {
      "Model",
      {
          source("--pretrained_model_name_or_path", &c.pretrained_model_name_or_path,
                 "Base model: a .safetensors or .ckpt file or a Diffusers folder")
              .path()
              .recorded("ss_sd_model_name"),
          setting("--v2", &c.v2, "The base is an SD 2.x checkpoint; the file tells it anyway"),
          setting("--v_parameterization", &c.v_parameterization, "The model predicts velocity instead of noise")
              .recorded("modelspec.prediction_type"),
          source("--vae", &c.vae, "Another VAE: a .safetensors, .ckpt or .pt file, or a Diffusers folder with it")
              .path()
              .recorded("ss_vae_name"),
          setting("--clip_skip", &c.clip_skip, "Use the Nth-from-last layer of the text encoder").recorded(),
          no_effect("--tokenizer_cache_dir", text, "the tokenizer is built in", "Folder of downloaded tokenizer files"),
          no_effect("--disable_mmap_load_safetensors", toggle, "a mapped file is read once either way",
                    "Read the checkpoint without mapping it into memory"),
      },
  };
}

FlagGroup network_flags(NetworkConfig& c) {
  return {
      "Network",
      {
          setting("--network_module", &c.network_module, "Kind of adapter; LoRA when unset")
              .recorded()
              .choose(adapter_modules())
              .planned("networks.dylora,networks.lora_fa,networks.oft,lycoris.kohya"),
          setting("--network_weights", &c.network_weights, "Existing LoRA file to start from").path().filled(),
          setting("--network_dim", &c.network_dim, "Rank of the LoRA; 4 when unset").recorded(),
          setting("--network_alpha", &c.network_alpha, "The update is multiplied by alpha / rank").recorded(),
          setting("--network_train_unet_only", &c.network_train_unet_only, "Adapt only the U-Net"),
          setting("--network_train_text_encoder_only", &c.network_train_text_encoder_only,
                  "Adapt only the text encoder"),
          setting("--network_dropout", &c.network_dropout, "Chance to zero each value between the LoRA's two matrices")
              .recorded(),
          setting("--network_args", &c.network_args,
                  "key=value settings of the adapter: conv_dim, conv_alpha, block_dims, block_alphas, conv_block_dims, "
                  "conv_block_alphas, down_lr_weight, mid_lr_weight, up_lr_weight, block_lr_zero_threshold, "
                  "loraplus_lr_ratio, loraplus_unet_lr_ratio, loraplus_text_encoder_lr_ratio, rank_dropout, "
                  "module_dropout")
              .recorded(),
          setting("--dim_from_weights", &c.dim_from_weights, "Take modules, ranks and alphas from --network_weights"),
          setting("--scale_weight_norms", &c.scale_weight_norms,
                  "Largest norm of each pair of matrices, kept after each step; 1 is usual")
              .recorded(),
          source("--base_weights", &c.base_weights, "LoRA files merged into the base model first").path().filled(),
          setting("--base_weights_multiplier", &c.base_weights_multiplier,
                  "Strength for each of --base_weights; 1 when not given"),
      },
  };
}

}  // namespace rankine
