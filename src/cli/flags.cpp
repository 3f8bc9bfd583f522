#include "cli/flags.h"

#include <array>

#include "diffusion/sampler.h"
#include "network/adapter.h"
#include "optim/optimizer.h"

// The table of flags, one a line. A new flag is a field with its default in the config struct that it belongs to, and a
// line here:
//   built      sets a field; kind and default are the field's own
//   no_effect  is accepted, with the reason why there is nothing to do
//   refused    stops the run with "not supported yet", except at its default or at another value that means "off"

namespace rankine {
namespace {

using enum FlagKind;

constexpr auto attention_note = "attention never holds the whole matrix of scores in memory";
constexpr auto wandb_note = "nothing is sent to Weights and Biases";
constexpr auto hub_note = "it matters only with --huggingface_repo_id, which is not supported yet";
constexpr auto deepspeed_note = "it matters only with --deepspeed";
constexpr auto one_process_note = "the run is one process";
constexpr auto captions_note = "captions are encoded once anyway where the text encoder is not trained";

CustomValue warmup_steps(StepCount& field) {
  return {number, "0", [&field](const std::string& text) { field = parse_step_count(text, "the number of steps"); }};
}

/// A flag that turns off what is on.
CustomValue toggle_off(bool& field) {
  return {toggle, "false", [&field](const std::string& text) { field = text == "false"; }};
}

CustomValue size_in_pixels(std::optional<Size>& field) {
  return {text, "None", [&field](const std::string& given) { field = resolution_from(given); }};
}

CustomValue face_crop_range(std::optional<std::array<double, 2>>& field) {
  return {text, "None", [&field](const std::string& given) { field = face_crop_range_from(given); }};
}

FlagGroup model_flags(ModelConfig& c) {
  return {
      "Model",
      {
          built("--pretrained_model_name_or_path", &c.pretrained_model_name_or_path,
                "Base model: a .safetensors or .ckpt file or a Diffusers folder"),
          refused("--v2", toggle, "The base is an SD 2.x checkpoint"),
          built("--v_parameterization", &c.v_parameterization, "The model predicts velocity instead of noise"),
          built("--vae", &c.vae, "Another VAE: a .safetensors, .ckpt or .pt file, or a Diffusers folder with it"),
          built("--clip_skip", &c.clip_skip, "Use the Nth-from-last layer of the text encoder"),
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
          built("--network_module", &c.network_module, "Kind of adapter; LoRA when unset")
              .choose(adapter_modules())
              .planned("networks.dylora,networks.lora_fa,networks.oft,lycoris.kohya"),
          built("--network_weights", &c.network_weights, "Existing LoRA file to start from"),
          built("--network_dim", &c.network_dim, "Rank of the LoRA; 4 when unset"),
          built("--network_alpha", &c.network_alpha, "The update is multiplied by alpha / rank"),
          built("--network_train_unet_only", &c.network_train_unet_only, "Adapt only the U-Net"),
          built("--network_train_text_encoder_only", &c.network_train_text_encoder_only, "Adapt only the text encoder"),
          built("--network_dropout", &c.network_dropout, "Chance to zero each value between the LoRA's two matrices"),
          built("--network_args", &c.network_args,
                "key=value settings of the adapter: conv_dim, conv_alpha, block_dims, block_alphas, conv_block_dims, "
                "conv_block_alphas, down_lr_weight, mid_lr_weight, up_lr_weight, block_lr_zero_threshold, "
                "loraplus_lr_ratio, loraplus_unet_lr_ratio, loraplus_text_encoder_lr_ratio, rank_dropout, "
                "module_dropout"),
          built("--dim_from_weights", &c.dim_from_weights, "Take modules, ranks and alphas from --network_weights"),
          built("--scale_weight_norms", &c.scale_weight_norms,
                "Largest norm of each pair of matrices, kept after each step; 1 is usual"),
          built("--base_weights", &c.base_weights, "LoRA files merged into the base model first"),
          built("--base_weights_multiplier", &c.base_weights_multiplier,
                "Strength for each of --base_weights; 1 when not given"),
      },
  };
}

FlagGroup dataset_flags(TrainOptions& o) {
  DataConfig& c = o.config.data;
  DatasetOptions& options = c.defaults.dataset;
  return {
      "Dataset",
      {
          built("--train_data_dir", &c.train_data_dir, "Folder whose N_name subfolders hold the pictures"),
          built("--dataset_config", &c.dataset_config, "TOML or JSON file that describes the datasets"),
          built("--reg_data_dir", &c.reg_data_dir, "Folder whose N_name subfolders hold regularisation pictures"),
          built("--resolution", size_in_pixels(options.resolution), "Training size: one side, or width,height"),
          built("--train_batch_size", &options.batch_size, "Pictures in a batch"),
          built("--exif_orientation", &c.exif_orientation,
                "Turn pictures as their EXIF data say, or train them as they are stored, as sd-scripts does")
              .choose("ignore,apply"),
          built("--skip_broken_images", &c.skip_broken_images,
                "Leave out pictures that cannot be read, or whose captions cannot, instead of stopping"),
          built("--cache_latents", &c.cache_latents, "Encode all pictures once, before training"),
          built("--vae_batch_size", &c.vae_batch_size, "Taken, and changes nothing: each picture is encoded alone"),
          built("--cache_latents_to_disk", &c.cache_latents_to_disk,
                "--cache_latents, kept beside the pictures for later runs"),
          built("--skip_cache_check", &c.skip_cache_check,
                "Use the files of --cache_latents_to_disk whatever they were made from"),
          no_effect("--cache_text_encoder_outputs", toggle, captions_note, "Encode all captions once (SDXL)"),
          no_effect("--cache_text_encoder_outputs_to_disk", toggle, captions_note,
                    "Keep encoded captions beside the pictures (SDXL)"),
          no_effect("--cache_info", toggle, "every picture is looked at before each run, so that faults are found",
                    "Keep sizes and captions in a file for a quicker start"),
          built("--in_json", &c.in_json,
                "JSON or JSON Lines file that names pictures, captions and tags; --train_data_dir then holds the "
                "pictures themselves"),
          built("--dataset_repeats", &c.defaults.subset.num_repeats,
                "Repeats of the pictures of --in_json, and where a dataset file says nothing"),
          refused("--dataset_class", text, "Python class of a user's own dataset"),
          built("--debug_dataset", &c.debug_dataset, "Show the pictures and captions of the first epoch and stop"),
          built("--max_data_loader_n_workers", &o.config.run.max_data_loader_n_workers,
                "Threads that prepare batches ahead of the step"),
          no_effect("--persistent_data_loader_workers", toggle, "loader threads live as long as the run",
                    "Keep the loader's workers between epochs"),
      },
  };
}

FlagGroup bucket_flags(DataDefaults& defaults) {
  DatasetOptions& c = defaults.dataset;
  SubsetOptions& subset = defaults.subset;
  return {
      "Buckets and augmentation",
      {
          built("--enable_bucket", &c.enable_bucket, "Group pictures by aspect ratio instead of cropping to one shape"),
          built("--min_bucket_reso", &c.min_bucket_reso, "Shortest side of a bucket, in pixels"),
          built("--max_bucket_reso", &c.max_bucket_reso, "Longest side of a bucket, in pixels"),
          built("--bucket_reso_steps", &c.bucket_reso_steps, "Sides of buckets are multiples of this"),
          built("--bucket_no_upscale", &c.bucket_no_upscale, "Never enlarge a picture: its bucket follows its size"),
          built("--resize_interpolation", &subset.resize_interpolation,
                "Filter for resizing; unset: area to shrink, lanczos to enlarge")
              .choose("lanczos,nearest,bilinear,linear,bicubic,cubic,area"),
          built("--flip_aug", &subset.flip_aug, "Mirror pictures at random"),
          built("--color_aug", &subset.color_aug,
                "Change hue or brightness a little at random; not with --cache_latents"),
          built("--random_crop", &subset.random_crop,
                "Cut at random instead of in the middle; not with --cache_latents"),
          built("--face_crop_aug_range", face_crop_range(subset.face_crop_aug_range),
                "Zoom range, such as 2.0,4.0, for crops around the face that a file's name tells of; without buckets"),
      },
  };
}

FlagGroup caption_flags(TrainOptions& o) {
  SubsetOptions& subset = o.config.data.defaults.subset;
  CaptionSettings& c = subset.caption;
  return {
      "Captions",
      {
          built("--caption_extension", &subset.caption_extension, "Suffix of caption files"),
          built("--caption_extention", &o.caption_extention, "Old spelling of --caption_extension; wins over it"),
          built("--caption_prefix", &c.prefix, "Text before every caption").initially("None"),
          built("--caption_suffix", &c.suffix, "Text after every caption").initially("None"),
          built("--caption_separator", &c.separator, "Text between tags"),
          built("--secondary_separator", &c.secondary_separator, "Joins tags that move and drop together")
              .initially("None"),
          built("--shuffle_caption", &c.shuffle, "Shuffle the tags anew at every draw"),
          built("--keep_tokens", &c.keep_tokens, "Leading tags that keep their place"),
          built("--keep_tokens_separator", &c.keep_tokens_separator,
                "Mark around parts that are never shuffled or dropped"),
          built("--enable_wildcard", &c.enable_wildcard, "Choose one of {a|b}, and one line of several"),
          built("--caption_dropout_rate", &c.dropout_rate, "Chance that a caption becomes empty"),
          built("--caption_dropout_every_n_epochs", &c.dropout_every_n_epochs, "Empty all captions in each Nth epoch"),
          built("--caption_tag_dropout_rate", &c.tag_dropout_rate, "Chance for each tag to be dropped"),
          built("--token_warmup_min", &c.token_warmup_min, "Tags used at the start of training"),
          built("--token_warmup_step", &c.token_warmup_step, "Step, or share of all, when every tag is in use"),
          built("--max_token_length", &o.config.model.max_token_length, "Longest caption in tokens; 75 when unset")
              .choose("75,150,225"),
          built("--weighted_captions", &o.config.model.weighted_captions, "Honour (word:1.2) weights in captions"),
      },
  };
}

FlagGroup training_flags(RunConfig& run, StepConfig& c) {
  return {
      "Training",
      {
          built("--max_train_steps", &run.max_train_steps, "Optimizer steps of the run"),
          built("--max_train_epochs", &run.max_train_epochs, "Epochs of the run; overrides --max_train_steps"),
          built("--seed", &run.seed, "Seed of everything random; unset: drawn anew"),
          built("--gradient_accumulation_steps", &run.gradient_accumulation_steps, "Batches summed for each step"),
          built("--gradient_checkpointing", &c.gradient_checkpointing,
                "Compute activations twice to save memory; the gradients stay the same"),
          built("--memory_budget", &c.memory_budget,
                "Memory of the whole process, like 6GiB; auto: what is free. Less memory makes slower steps"),
          device_flag(c.device),
          built("--conv_algorithm", &c.conv_algorithm, "How 3x3 convolutions are computed")
              .choose("auto,direct,winograd"),
          built("--mixed_precision", &c.mixed_precision, "Type to compute in: no is fp32").choose("no,fp16,bf16"),
          built("--full_fp16", &c.full_fp16, "Trained weights and gradients in fp16 too"),
          built("--full_bf16", &c.full_bf16, "Trained weights and gradients in bf16 too"),
          built("--fp8_base", &c.fp8_base, "Frozen weights of U-Net and text encoder rounded to fp8 (e4m3fn)"),
          built("--fp8_base_unet", &c.fp8_base_unet, "Frozen weights of the U-Net alone rounded to fp8"),
          built("--no_half_vae", &c.no_half_vae, "Run the VAE in fp32, whatever --mixed_precision says"),
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
  LrScheduleConfig& schedule = c.lr_schedule;
  return {
      "Optimizer and learning rate",
      {
          built("--optimizer_type", &c.optimizer_type, "Name of the optimizer; AdamW when empty")
              .any_case()
              .choose(optimizer_names()),
          built("--use_8bit_adam", &c.use_8bit_adam, "Old short form of --optimizer_type AdamW8bit"),
          built("--use_lion_optimizer", &c.use_lion_optimizer, "Old short form of --optimizer_type Lion"),
          built("--optimizer_args", &c.optimizer_args, "key=value settings, such as betas, eps, weight_decay"),
          built("--learning_rate", &c.learning_rate, "Rate where --unet_lr or --text_encoder_lr is not given"),
          built("--unet_lr", &c.unet_lr, "Rate of the U-Net's part"),
          built("--text_encoder_lr", &c.text_encoder_lr, "Rate of the text encoder's part"),
          built("--max_grad_norm", &c.max_grad_norm, "Limit of the gradients' norm over all parameters; 0: none"),
          built("--lr_scheduler", &schedule.name, "How the learning rate moves")
              .choose("constant,constant_with_warmup,linear,cosine,cosine_with_restarts,polynomial,inverse_sqrt,"
                      "cosine_with_min_lr,warmup_stable_decay,piecewise_constant,adafactor"),
          built("--lr_warmup_steps", warmup_steps(schedule.lr_warmup_steps),
                "Steps until the full rate: 500, or a share of all: 0.1 or 10%"),
          built("--lr_decay_steps", warmup_steps(schedule.lr_decay_steps),
                "Steps of the last part of warmup_stable_decay, written likewise"),
          built("--lr_scheduler_num_cycles", &schedule.lr_scheduler_num_cycles, "Restarts of cosine_with_restarts"),
          built("--lr_scheduler_power", &schedule.lr_scheduler_power, "Exponent of polynomial"),
          built("--lr_scheduler_timescale", &schedule.lr_scheduler_timescale, "Time constant of inverse_sqrt"),
          built("--lr_scheduler_min_lr_ratio", &schedule.lr_scheduler_min_lr_ratio,
                "Least rate of cosine_with_min_lr and warmup_stable_decay, as a share of the full one"),
          built("--lr_scheduler_args", &o.lr_scheduler_args,
                "key=value settings: step_rules of piecewise_constant, or those of lr_scheduler_type"),
          built("--lr_scheduler_type", &schedule.lr_scheduler_type,
                "A class of torch.optim.lr_scheduler instead, such as CosineAnnealingLR with T_max=1000 eta_min=1e-6"),
      },
  };
}

FlagGroup loss_flags(LossConfig& c, SubsetOptions& subset) {
  NoiseConfig& noise = c.noise;
  return {
      "Loss and noise",
      {
          built("--loss_type", &c.loss_type, "Shape of the error").choose("l2,l1,huber,smooth_l1"),
          built("--min_snr_gamma", &c.weighting.min_snr_gamma,
                "Cap of the weight by signal-to-noise ratio; 5 is usual"),
          built("--debiased_estimation_loss", &c.weighting.debiased_estimation_loss,
                "Weigh the loss by 1 / sqrt(signal-to-noise ratio)"),
          built("--scale_v_pred_loss_like_noise_pred", &c.weighting.scale_v_pred_loss_like_noise_pred,
                "Weigh a velocity loss as if noise were predicted"),
          built("--v_pred_like_loss", &c.weighting.v_pred_like_loss,
                "Add the weight of a velocity loss, times this, to a noise loss"),
          built("--noise_offset", &noise.noise_offset, "Add this times one normal number a channel to the noise"),
          built("--noise_offset_random_strength", &noise.noise_offset_random_strength,
                "Draw the offset's strength from 0 to --noise_offset, for each batch"),
          built("--adaptive_noise_scale", &noise.adaptive_noise_scale,
                "Add this times the latents' mean to --noise_offset"),
          built("--multires_noise_iterations", &noise.multires_noise_iterations,
                "Coarser levels of noise blended in; 6 to 10 are usual"),
          built("--multires_noise_discount", &noise.multires_noise_discount,
                "Factor from each of those levels to the next"),
          built("--ip_noise_gamma", &noise.ip_noise_gamma, "Disturb the noised input, not the target; 0.1 is usual"),
          built("--ip_noise_gamma_random_strength", &noise.ip_noise_gamma_random_strength,
                "Draw that strength from 0 to --ip_noise_gamma, for each batch"),
          built("--zero_terminal_snr", &noise.zero_terminal_snr, "Make the last timestep pure noise"),
          built("--min_timestep", &noise.min_timestep, "Lowest timestep drawn; 0 when unset"),
          built("--max_timestep", &noise.max_timestep, "One past the highest timestep drawn; 1000 when unset"),
          built("--huber_schedule", &c.huber_schedule,
                "How the threshold of huber and smooth_l1 moves with the timestep")
              .choose("constant,exponential,snr"),
          built("--huber_c", &c.huber_c, "Huber threshold, or its last value"),
          built("--huber_scale", &c.huber_scale, "Factor on the Huber threshold; the schedule snr does not read it"),
          built("--prior_loss_weight", &c.prior_loss_weight, "Factor on the loss of regularisation pictures"),
          built("--masked_loss", &c.masked_loss, "Weigh the loss by mask pictures, or by alpha_mask"),
          built("--alpha_mask", &subset.alpha_mask, "Weigh the loss by the pictures' alpha channel"),
          built("--conditioning_data_dir", &subset.conditioning_data_dir,
                "Folder of mask pictures, with the names of the pictures, for --masked_loss"),
      },
  };
}

FlagGroup save_flags(SaveConfig& c) {
  return {
      "Saving",
      {
          built("--output_dir", &c.output_dir, "Folder of all results"),
          built("--output_name", &c.output_name, "Name of the saved LoRA, without suffix; last when unset"),
          built("--save_precision", &c.save_precision,
                "Type of the saved weights; unset: fp32, or what --full_fp16 and --full_bf16 train in")
              .choose("float,fp16,bf16"),
          built("--save_every_n_epochs", &c.save_every_n_epochs, "Save after each N epochs"),
          built("--save_every_n_steps", &c.save_every_n_steps, "Save after each N steps"),
          built("--save_model_as", &c.save_model_as, "Kind of file; ckpt and pt are PyTorch's and hold no metadata")
              .choose("safetensors,ckpt,pt"),
          built("--save_n_epoch_ratio", &c.save_n_epoch_ratio,
                "Save about N times, after whole epochs; goes before --save_every_n_epochs"),
          built("--save_last_n_epochs", &c.save_last_n_epochs, "Keep only the files of the last N epochs"),
          built("--save_last_n_steps", &c.save_last_n_steps, "Keep only the files of the last N steps"),
          built("--save_state", &c.save_state, "Keep what is needed to go on in a folder of its own with each LoRA"),
          built("--save_state_on_train_end", &c.save_state_on_train_end, "The same, at the end"),
          built("--save_last_n_epochs_state", &c.save_last_n_epochs_state,
                "Keep only the state folders of the last N epochs; unset: as --save_last_n_epochs"),
          built("--save_last_n_steps_state", &c.save_last_n_steps_state,
                "Keep only the state folders of the last N steps; unset: as --save_last_n_steps"),
          built("--on_nonfinite", &c.on_nonfinite,
                "After a loss or gradient that is not finite: stop, or go back to the last state with half the "
                "learning rate")
              .choose("stop,rollback"),
          built("--resume", &c.resume, "State to go on from: a folder, or a .state file"),
          built("--auto_resume", &c.auto_resume,
                "Go on with an interrupted run of the same settings, as is done anyway"),
          built("--no_auto_resume", toggle_off(c.auto_resume), "Begin anew though the same run was interrupted"),
          built("--initial_epoch", &c.initial_epoch, "Epoch to begin with, from 1"),
          built("--initial_step", &c.initial_step, "Steps to count as done; goes before --initial_epoch"),
          no_effect("--skip_until_initial_step", toggle, "a run always goes on with the batch that comes next",
                    "Read and drop the batches before the first step"),
      },
  };
}

FlagGroup metadata_flags(MetadataConfig& c) {
  return {
      "Metadata of the saved file",
      {
          built("--no_metadata", &c.no_metadata, "Write only the few keys that other programs need"),
          built("--training_comment", &c.training_comment, "Note that is kept in the file"),
          built("--metadata_title", &c.metadata_title, "Title; the output name when unset"),
          built("--metadata_author", &c.metadata_author, "Author"),
          built("--metadata_description", &c.metadata_description, "Description"),
          built("--metadata_license", &c.metadata_license, "Licence"),
          built("--metadata_tags", &c.metadata_tags, "Tags, with commas between"),
          built("--metadata_usage_hint", &c.metadata_usage_hint, "How to use it"),
          built("--metadata_merged_from", &c.metadata_merged_from, "Names of the models it was merged from"),
          built("--metadata_trigger_phrase", &c.metadata_trigger_phrase, "Words that call it up"),
          built("--metadata_preprocessor", &c.metadata_preprocessor, "Name of the preprocessor"),
          built("--metadata_is_negative_embedding", &c.metadata_is_negative_embedding, "Mark of a negative embedding"),
          built("--metadata_thumbnail", &c.metadata_thumbnail, "Picture that stands for it: a file, or a data: URL"),
      },
  };
}

FlagGroup watching_flags(TrainOptions& o) {
  TrackerConfig& tracker = o.config.tracker;
  return {
      "Watching",
      {
          built("--console_log_level", &o.console_log_level, "Least important messages shown; INFO when unset")
              .choose("DEBUG,INFO,WARNING,ERROR,CRITICAL"),
          no_effect("--console_log_file", text, "messages go to standard error: send them on with 2>FILE",
                    "File for messages"),
          no_effect("--console_log_simple", toggle, "messages are plain lines", "Plain messages"),
          built("--logging_dir", &tracker.logging_dir,
                "Folder for TensorBoard's files; each start has one of its own there"),
          built("--log_with", &tracker.log_with, "Trackers that receive values; wandb receives none")
              .choose("tensorboard,wandb,all"),
          built("--log_prefix", &tracker.log_prefix, "Text before the time in the name of that folder"),
          built("--log_tracker_name", &tracker.log_tracker_name, "Folder inside of that; network_train when unset"),
          no_effect("--log_tracker_config", text, "TensorBoard's files have nothing to set",
                    "TOML file of the tracker's settings"),
          built("--log_config", &tracker.log_config, "Record the run's settings there too"),
          no_effect("--wandb_run_name", text, wandb_note, "Name of the run in Weights and Biases"),
          no_effect("--wandb_api_key", text, wandb_note, "Key for Weights and Biases"),
          built("--sample_every_n_steps", &o.config.preview.sample_every_n_steps, "Make pictures after each N steps"),
          built("--sample_every_n_epochs", &o.config.preview.sample_every_n_epochs,
                "Make pictures after each N epochs instead"),
          built("--sample_at_first", &o.config.preview.sample_at_first, "Make pictures before the first step"),
          built("--sample_prompts", &o.config.preview.sample_prompts, "File of prompts: .txt, .toml or .json"),
          built("--sample_sampler", &o.config.preview.sample_sampler, "Sampler of prompts that name none")
              .choose(sampler_names()),
          built("--validation_split", &o.config.data.defaults.dataset.validation_split,
                "Share of pictures held out for validation, in each folder"),
          built("--validation_seed", &o.config.data.defaults.dataset.validation_seed,
                "Seed of that choice and of validation's noise; 0 when unset"),
          built("--validate_every_n_steps", &o.config.validation.validate_every_n_steps,
                "Validate after each N steps, beside the ends of epochs"),
          built("--validate_every_n_epochs", &o.config.validation.validate_every_n_epochs,
                "Validate after each N epochs; 1 when unset"),
          built("--max_validation_steps", &o.config.validation.max_validation_steps, "Most batches in a validation"),
      },
  };
}

FlagGroup other_flags(TrainOptions& o) {
  return {
      "Config file and hub",
      {
          built("--config_file", &o.config_file, "TOML file of flags without their dashes; the command line wins"),
          built("--output_config", &o.output_config, "Write the other flags to --config_file, a new file, and stop"),
          refused("--huggingface_repo_id", text, "Hub repository that receives the results"),
          no_effect("--huggingface_repo_type", text, hub_note, "Kind of that repository"),
          no_effect("--huggingface_path_in_repo", text, hub_note, "Folder in that repository"),
          no_effect("--huggingface_token", text, hub_note, "Access token"),
          no_effect("--huggingface_repo_visibility", text, hub_note, "Whether a new repository is public"),
          no_effect("--async_upload", toggle, hub_note, "Upload in the background"),
          refused("--save_state_to_huggingface", toggle, "Upload the state as well"),
          refused("--resume_from_huggingface", toggle, "Read --resume from the hub"),
      },
  };
}

}  // namespace

FlagTable train_flags(TrainOptions& options) {
  TrainConfig& c = options.config;
  return {
      model_flags(c.model),     network_flags(c.network),
      dataset_flags(options),   bucket_flags(c.data.defaults),
      caption_flags(options),   training_flags(c.run, c.step),
      optimizer_flags(options), loss_flags(c.loss, c.data.defaults.subset),
      save_flags(c.save),       metadata_flags(c.metadata),
      watching_flags(options),  other_flags(options),
  };
}

}  // namespace rankine
