#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset_config.h"
#include "diffusion/loss_weighting.h"
#include "diffusion/noise.h"
#include "optim/lr_schedule.h"

/// What a training run is told, as typed structs: one a subject, each with sd-scripts' defaults. Fields carry the names
/// of sd-scripts' flags, without dashes.
namespace rankine {

struct ModelConfig {
  std::optional<std::string> pretrained_model_name_or_path;  ///< a file or a Diffusers folder
  std::optional<std::string> vae{};                          ///< another autoencoder than the model's
  bool v_parameterization = false;                           ///< the model predicts velocity, not noise
  std::optional<int> clip_skip;         ///< take the Nth-from-last text encoder layer; unset as 1: the last
  std::optional<int> max_token_length;  ///< 75 (also when unset), 150 or 225
  bool weighted_captions = false;       ///< "(word:1.2)" in captions is a weight
};

struct NetworkConfig {
  std::optional<std::string> network_weights;   ///< a LoRA file to start from
  std::optional<int> network_dim;               ///< the LoRA's rank; 4 when unset
  double network_alpha = 1;                     ///< the update is scaled by alpha / rank
  std::optional<double> network_dropout;        ///< chance of each value between the two matrices to be zeroed
  std::vector<std::string> network_args;        ///< "key=value" each: see NetworkArgs
  bool dim_from_weights = false;                ///< modules, ranks and alphas are those of network_weights
  std::optional<double> scale_weight_norms;     ///< largest norm of a module's update; 0: any
  std::vector<std::string> base_weights;        ///< LoRA files merged into the base model first
  std::vector<double> base_weights_multiplier;  ///< strength of each; 1 where none is given
  bool network_train_unet_only = false;
  bool network_train_text_encoder_only = false;

  int rank() const { return network_dim.value_or(4); }
  bool trains_unet() const { return !network_train_text_encoder_only; }
  bool trains_text_encoder() const { return !network_train_unet_only; }
};

struct DataConfig {
  std::optional<std::string> train_data_dir;  ///< holds N_name folders of pictures; unused with dataset_config
  std::optional<std::string> reg_data_dir;    ///< the same for regularisation pictures
  std::optional<std::string> dataset_config;  ///< a TOML or JSON file
  std::optional<std::string> in_json;         ///< a metadata file; train_data_dir then holds the pictures themselves
  bool debug_dataset = false;                 ///< show the first epoch and stop
  std::string exif_orientation = "ignore";    ///< "ignore", as sd-scripts does, or "apply"
  bool skip_broken_images = false;            ///< leave out pictures that cannot be trained on
  bool cache_latents = false;                 ///< encode every picture once, before the first step
  bool cache_latents_to_disk = false;         ///< and keep that beside the pictures; needs cache_latents
  bool skip_cache_check = false;              ///< use what is there whatever it was made from
  int vae_batch_size = 1;                     ///< checked only: each picture is encoded alone
  DataDefaults defaults;                      ///< every level of dataset_config goes before these
};

struct OptimConfig {
  std::string optimizer_type;                              ///< "AdamW", also when empty
  bool use_8bit_adam = false, use_lion_optimizer = false;  ///< old short forms of a type
  std::vector<std::string> optimizer_args;                 ///< "key=value" each: parsed by the optimiser
  double learning_rate = 2e-6;                             ///< where unet_lr or text_encoder_lr says nothing else
  std::optional<double> unet_lr;
  std::vector<double> text_encoder_lr;  ///< one value, or none
  double max_grad_norm = 1.0;           ///< limit of the gradients' global norm; 0: no limit
  /// Its learning_rate and max_train_steps are filled in by the run, which knows them last.
  LrScheduleConfig lr_schedule;

  /// The optimiser that is meant. Throws Error when two are.
  std::string type() const;
  double unet_rate() const { return unet_lr.value_or(learning_rate); }
  double text_encoder_rate() const { return text_encoder_lr.empty() ? learning_rate : text_encoder_lr[0]; }
};

struct LossConfig {
  std::string loss_type = "l2";
  std::string huber_schedule = "snr";  ///< how the threshold of huber and smooth_l1 follows from the timestep
  double huber_c = 0.1;                ///< that threshold, or its last value
  double huber_scale = 1.0;            ///< a factor on it; "snr" does not read it
  bool masked_loss = false;            ///< errors are weighed by mask pictures or the pictures' alpha
  NoiseConfig noise;
  /// Its `prediction` follows from ModelConfig::v_parameterization.
  LossWeightingConfig weighting;
  double prior_loss_weight = 1.0;  ///< factor on the loss of regularisation pictures
};

struct RunConfig {
  int64_t max_train_steps = 1600;           ///< optimiser steps
  std::optional<int64_t> max_train_epochs;  ///< when set, max_train_steps follows from it
  std::optional<int64_t> seed;              ///< unset: drawn at random
  std::string mixed_precision = "no";       ///< compute type: "no" (fp32), "fp16" or "bf16"
  bool full_fp16 = false;                   ///< LoRA weights and gradients are fp16 too; needs mixed_precision fp16
  bool full_bf16 = false;                   ///< the same in bf16
  bool fp8_base = false;                    ///< frozen weights of U-Net and text encoder rounded to float8_e4m3fn
  bool fp8_base_unet = false;               ///< of the U-Net alone, also with fp8_base
  bool no_half_vae = false;                 ///< the VAE computes in fp32 whatever the compute type
  bool gradient_checkpointing = false;
  std::string memory_budget = "auto";   ///< of the whole process: "6GiB", "900M", or what is free
  std::string conv_algorithm = "auto";  ///< of 3x3 convolutions: "auto", "direct" or "winograd"
  int gradient_accumulation_steps = 1;  ///< batches summed before each optimiser step
  int max_data_loader_n_workers = 8;    ///< loader threads; 0: the caller's own
};

struct SaveConfig {
  std::optional<std::string> output_dir;
  std::optional<std::string> output_name;     ///< stem of the saved files; "last" when unset
  std::optional<std::string> save_precision;  ///< "float", "fp16", "bf16"; unset: the type of the trained weights
  std::string save_model_as = "safetensors";  ///< or "ckpt", "pt": PyTorch's own format, without metadata
  std::optional<int64_t> save_n_epoch_ratio;  ///< about so many saves after epochs; goes before save_every_n_epochs
  std::string on_nonfinite = "stop";          ///< after a loss or gradient that is not finite: "stop" or "rollback"
  std::optional<int64_t> save_every_n_epochs;
  std::optional<int64_t> save_every_n_steps;
  std::optional<int64_t> save_last_n_epochs;        ///< older files of epochs are removed
  std::optional<int64_t> save_last_n_steps;         ///< files from so many steps ago and before are removed
  std::optional<int64_t> save_last_n_epochs_state;  ///< the same for states; unset: as for the LoRAs
  std::optional<int64_t> save_last_n_steps_state;
  bool save_state = false;  ///< a state folder with each LoRA, beside the one state that is always kept
  bool save_state_on_train_end = false;
  std::optional<std::string> resume;     ///< a state folder or file
  std::optional<int64_t> initial_epoch;  ///< begin to count here, from 1
  std::optional<int64_t> initial_step;   ///< steps already done; goes before initial_epoch
  bool auto_resume = true;               ///< go on with an interrupted run of the same settings

  std::string name() const { return output_name.value_or("last"); }
};

/// Pictures made while training, to see how it comes along.
struct PreviewConfig {
  std::optional<int64_t> sample_every_n_steps;
  std::optional<int64_t> sample_every_n_epochs;  ///< when set, sample_every_n_steps counts for nothing
  bool sample_at_first = false;                  ///< before the first step
  std::optional<std::string> sample_prompts;     ///< a file: see read_sample_prompts
  std::string sample_sampler = "ddim";           ///< of prompts that name none

  bool wanted() const {
    return sample_at_first || sample_every_n_steps.value_or(0) > 0 || sample_every_n_epochs.value_or(0) > 0;
  }
};

/// Names and texts in an order that means something.
using NamedTexts = std::vector<std::pair<std::string, std::string>>;

/// Who is told of the steps beside metrics.jsonl.
struct TrackerConfig {
  std::optional<std::string> logging_dir{};       ///< where TensorBoard's files go; unset: nowhere
  std::optional<std::string> log_with{};          ///< "tensorboard", "wandb", "all"; unset as "tensorboard"
  std::optional<std::string> log_prefix{};        ///< before the time in the folder's name
  std::optional<std::string> log_tracker_name{};  ///< the folder's name inside of that; "network_train" when unset
  bool log_config = false;                        ///< the run's settings too

  bool writes_events() const { return !logging_dir.value_or("").empty(); }
};

struct ValidationConfig {
  std::optional<int64_t> validate_every_n_steps;
  std::optional<int64_t> validate_every_n_epochs;  ///< 1 when unset
  std::optional<int64_t> max_validation_steps;     ///< most batches; unset: all
};

/// What is written into the saved file beside the run's own settings. Each metadata_X becomes modelspec.X.
struct MetadataConfig {
  bool no_metadata = false;  ///< only the few keys other programs need
  std::optional<std::string> training_comment;
  std::optional<std::string> metadata_title;  ///< the output name when unset
  std::optional<std::string> metadata_author;
  std::optional<std::string> metadata_description;
  std::optional<std::string> metadata_license;
  std::optional<std::string> metadata_tags;
  std::optional<std::string> metadata_usage_hint;
  std::optional<std::string> metadata_merged_from;
  std::optional<std::string> metadata_trigger_phrase;
  std::optional<std::string> metadata_preprocessor;
  std::optional<std::string> metadata_is_negative_embedding;
  std::optional<std::string> metadata_thumbnail;  ///< a picture file, or a "data:" URL
};

struct TrainConfig {
  ModelConfig model;
  NetworkConfig network;
  DataConfig data;
  OptimConfig optim;
  LossConfig loss;
  RunConfig run;
  SaveConfig save;
  PreviewConfig preview;
  TrackerConfig tracker;
  ValidationConfig validation;
  MetadataConfig metadata;
  /// Flags that were given and change a run's numbers, as texts: two runs are the same only when these are.
  std::map<std::string, std::string> given_flags{};
  NamedTexts settings{};  ///< all flags that were given, as they were written, for people to read
};

/// Throws Error for the first setting of the data that is missing or out of range.
void check_data_config(const DataConfig& config);

/// Throws Error for the first setting that is missing, out of range, or contradicts another.
void check_train_config(const TrainConfig& config);

}  // namespace rankine
