#include "cli/flags/groups.h"

#include "optim/lr_schedule.h"
#include "optim/optimizer.h"
#include "optim/python_names.h"

namespace rankine {

using enum FlagKind;

namespace {

constexpr auto attention_note = "attention never holds the whole matrix of scores in memory";
constexpr auto deepspeed_note = "it matters only with --deepspeed";
constexpr auto one_process_note = "the run is one process";

CustomValue step_count(StepCount& field) {
  return {.kind = number,
          .default_text = "0",
          .set = [&field](const std::string& given) { field = parse_step_count(given, "the number of steps"); },
          .text = [&field] { return step_count_text(field); },
          .reset = [&field] { field = {}; }};
}

CustomValue optimizer(std::string& field) {
  return {.kind = text,
          .default_text = "",
          .set = [&field](const std::string& given) { field = optimizer_named(given); },
          .text = [&field] { return field; },
          .reset = [&field] { field.clear(); }};
}

std::vector<std::string> schedule_names() {
  const std::vector<std::string_view> names = lr_schedule_names();
  return {names.begin(), names.end()};
}

CustomValue schedule(std::string& field) {
  return {.kind = text,
          .default_text = field,
          .set = [&field](const std::string& given) { field = schedule_named(given); },
          .text = [&field] { return field; },
          .reset = [&field, initial = field] { field = initial; }};
}

}  // namespace

FlagGroup training_flags(RunConfig& run, StepConfig& c) {
  return {
      "Training",
      {
          setting("--max_train_steps", &run.max_train_steps, "Optimizer steps of the run").recorded(),
          setting("--max_train_epochs", &run.max_train_epochs, "Epochs of the run; overrides --max_train_steps")
              .recorded("ss_num_epochs"),
          source("--seed", &run.seed, "Seed of everything random; unset: drawn anew").recorded(),
          setting("--gradient_accumulation_steps", &run.gradient_accumulation_steps, "Batches summed for each step")
              .recorded(),
          option("--gradient_checkpointing", &c.gradient_checkpointing,
                 "Compute activations twice to save memory; the gradients stay the same")
              .recorded(),
          setting("--memory_budget", &c.memory_budget,
                  "Memory of the whole process, like 6GiB; auto: what is free. Less memory makes slower steps"),
          device_flag(c.device),
          setting("--conv_algorithm", &c.conv_algorithm, "How 3x3 convolutions are computed")
              .choose("auto,direct,winograd"),
          setting("--mixed_precision", &c.mixed_precision, "Type to compute in: no is fp32")
              .recorded()
              .choose("no,fp16,bf16"),
          setting("--full_fp16", &c.full_fp16, "Trained weights and gradients in fp16 too").recorded(),
          setting("--full_bf16", &c.full_bf16, "Trained weights and gradients in bf16 too"),
          setting("--fp8_base", &c.fp8_base, "Frozen weights of U-Net and text encoder rounded to fp8 (e4m3fn)")
              .recorded(),
          setting("--fp8_base_unet", &c.fp8_base_unet, "Frozen weights of the U-Net alone rounded to fp8").recorded(),
          no_effect("--no_half_vae", FlagKind::toggle,
                    "the autoencoder overflows in no precision: beside fp16 it is computed in fp32",
                    "Run the VAE in fp32 with every --mixed_precision"),
          no_effect("--xformers", toggle, attention_note, "Use xFormers' attention"),
          no_effect("--sdpa", toggle, attention_note, "Use PyTorch's fused attention"),
          no_effect("--mem_eff_attn", toggle, attention_note, "Use a slow attention that needs little memory"),
          no_effect("--torch_compile", toggle, "the step is always compiled", "Compile the step"),
          no_effect("--dynamo_backend", text, "the step is always compiled", "Backend of --torch_compile")
              .initially("inductor"),
          no_effect("--lowram", toggle, "the checkpoint is mapped, not copied", "Spare main memory while loading"),
          no_effect("--highvram", toggle, "memory is planned before the first step", "Never clear the GPU's cache"),
          no_effect("--cpu_offload_checkpointing", toggle, "activations are in main memory as it is",
                    "Move kept activations to main memory"),
          no_effect("--fused_backward_pass", toggle, "it does nothing for a LoRA in sd-scripts either",
                    "Update each weight during the backward pass"),
          no_effect("--ddp_timeout", integer, one_process_note, "Minutes before a collective operation gives up"),
          no_effect("--ddp_gradient_as_bucket_view", toggle, one_process_note, "Let DDP's gradients share buffers"),
          no_effect("--ddp_static_graph", toggle, one_process_note, "Tell DDP that the graph never changes"),
          refused("--deepspeed", toggle, "Run under DeepSpeed"),
          no_effect("--zero_stage", integer, deepspeed_note, "ZeRO stage").initially("2"),
          no_effect("--offload_optimizer_device", text, deepspeed_note, "Where ZeRO keeps the optimizer's state"),
          no_effect("--offload_optimizer_nvme_path", text, deepspeed_note, "Disk path for that state"),
          no_effect("--offload_param_device", text, deepspeed_note, "Where ZeRO keeps parameters"),
          no_effect("--offload_param_nvme_path", text, deepspeed_note, "Disk path for those parameters"),
          no_effect("--zero3_init_flag", toggle, deepspeed_note, "Build the model in parts (stage 3)"),
          no_effect("--zero3_save_16bit_model", toggle, deepspeed_note, "Gather and save 16-bit weights (stage 3)"),
          no_effect("--fp16_master_weights_and_gradients", toggle, deepspeed_note, "Keep fp16 master weights"),
      },
  };
}

FlagGroup optimizer_flags(TrainOptions& o) {
  OptimConfig& c = o.config.optim;
  LrScheduleConfig& lr_schedule = c.lr_schedule;
  return {
      "Optimizer and learning rate",
      {
          setting("--optimizer_type", optimizer(c.optimizer_type),
                  "Name of the optimizer, or the path of a Python class that is one of them; AdamW when empty")
              .recorded("ss_optimizer")
              .choose(optimizer_names()),
          setting("--use_8bit_adam", &c.use_8bit_adam, "Old short form of --optimizer_type AdamW8bit")
              .recorded("ss_optimizer"),
          setting("--use_lion_optimizer", &c.use_lion_optimizer, "Old short form of --optimizer_type Lion")
              .recorded("ss_optimizer"),
          setting("--optimizer_args", &c.optimizer_args, "key=value settings, such as betas, eps, weight_decay")
              .recorded("ss_optimizer"),
          setting("--learning_rate", &c.learning_rate, "Rate where --unet_lr or --text_encoder_lr is not given")
              .recorded(),
          setting("--unet_lr", &c.unet_lr, "Rate of the U-Net's part").recorded(),
          setting("--text_encoder_lr", &c.text_encoder_lr,
                  "Rate of the text encoder's part; SDXL takes one for each text encoder, or one for both")
              .recorded(),
          setting("--max_grad_norm", &c.max_grad_norm, "Limit of the gradients' norm over all parameters; 0: none")
              .recorded(),
          setting("--lr_scheduler", schedule(lr_schedule.name), "How the learning rate moves")
              .recorded()
              .choose(schedule_names()),
          setting("--lr_warmup_steps", step_count(lr_schedule.lr_warmup_steps),
                  "Steps until the full rate: 500, or a share of all: 0.1 or 10%")
              .recorded(),
          setting("--lr_decay_steps", step_count(lr_schedule.lr_decay_steps),
                  "Steps of the last part of warmup_stable_decay, written likewise"),
          setting("--lr_scheduler_num_cycles", &lr_schedule.lr_scheduler_num_cycles,
                  "Restarts of cosine_with_restarts"),
          setting("--lr_scheduler_power", &lr_schedule.lr_scheduler_power, "Exponent of polynomial"),
          setting("--lr_scheduler_timescale", &lr_schedule.lr_scheduler_timescale, "Time constant of inverse_sqrt"),
          setting("--lr_scheduler_min_lr_ratio", &lr_schedule.lr_scheduler_min_lr_ratio,
                  "Least rate of cosine_with_min_lr and warmup_stable_decay, as a share of the full one"),
          setting("--lr_scheduler_args", &o.lr_scheduler_args,
                  "key=value settings: step_rules of piecewise_constant, or those of lr_scheduler_type"),
          setting(
              "--lr_scheduler_type", &lr_schedule.lr_scheduler_type,
              "A class of torch.optim.lr_scheduler instead, such as CosineAnnealingLR with T_max=1000 eta_min=1e-6"),
      },
  };
}

FlagGroup loss_flags(LossConfig& c, SubsetOptions& subset) {
  NoiseConfig& noise = c.noise;
  return {
      "Loss and noise",
      {
          setting("--loss_type", &c.loss_type, "Shape of the error").recorded().choose("l2,l1,huber,smooth_l1"),
          setting("--min_snr_gamma", &c.weighting.min_snr_gamma,
                  "Cap of the weight by signal-to-noise ratio; 5 is usual")
              .recorded(),
          setting("--debiased_estimation_loss", &c.weighting.debiased_estimation_loss,
                  "Weigh the loss by 1 / sqrt(signal-to-noise ratio)")
              .recorded("ss_debiased_estimation"),
          setting("--scale_v_pred_loss_like_noise_pred", &c.weighting.scale_v_pred_loss_like_noise_pred,
                  "Weigh a velocity loss as if noise were predicted"),
          setting("--v_pred_like_loss", &c.weighting.v_pred_like_loss,
                  "Add the weight of a velocity loss, times this, to a noise loss"),
          setting("--noise_offset", &noise.noise_offset, "Add this times one normal number a channel to the noise")
              .recorded(),
          setting("--noise_offset_random_strength", &noise.noise_offset_random_strength,
                  "Draw the offset's strength from 0 to --noise_offset, for each batch")
              .recorded(),
          setting("--adaptive_noise_scale", &noise.adaptive_noise_scale,
                  "Add this times the latents' mean to --noise_offset")
              .recorded(),
          setting("--multires_noise_iterations", &noise.multires_noise_iterations,
                  "Coarser levels of noise blended in; 6 to 10 are usual")
              .recorded(),
          setting("--multires_noise_discount", &noise.multires_noise_discount,
                  "Factor from each of those levels to the next")
              .recorded(),
          setting("--ip_noise_gamma", &noise.ip_noise_gamma, "Disturb the noised input, not the target; 0.1 is usual")
              .recorded(),
          setting("--ip_noise_gamma_random_strength", &noise.ip_noise_gamma_random_strength,
                  "Draw that strength from 0 to --ip_noise_gamma, for each batch")
              .recorded(),
          setting("--zero_terminal_snr", &noise.zero_terminal_snr, "Make the last timestep pure noise").recorded(),
          setting("--min_timestep", &noise.min_timestep, "Lowest timestep drawn; 0 when unset")
              .recorded("modelspec.timestep_range"),
          setting("--max_timestep", &noise.max_timestep, "One past the highest timestep drawn; 1000 when unset")
              .recorded("modelspec.timestep_range"),
          setting("--huber_schedule", &c.huber_schedule,
                  "How the threshold of huber and smooth_l1 moves with the timestep")
              .recorded()
              .choose("constant,exponential,snr"),
          setting("--huber_c", &c.huber_c, "Huber threshold, or its last value").recorded(),
          setting("--huber_scale", &c.huber_scale, "Factor on the Huber threshold; the schedule snr does not read it")
              .recorded(),
          setting("--prior_loss_weight", &c.prior_loss_weight, "Factor on the loss of regularisation pictures")
              .recorded(),
          setting("--masked_loss", &c.masked_loss, "Weigh the loss by mask pictures, or by alpha_mask"),
          setting("--alpha_mask", &subset.alpha_mask, "Weigh the loss by the pictures' alpha channel"),
          source("--conditioning_data_dir", &subset.conditioning_data_dir,
                 "Folder of mask pictures, with the names of the pictures, for --masked_loss")
              .path(),
      },
  };
}

}  // namespace rankine
