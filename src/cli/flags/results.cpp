#include "cli/flags/groups.h"

#include "diffusion/sampler.h"

namespace rankine {

using enum FlagKind;

namespace {

constexpr auto wandb_note = "nothing is sent to Weights and Biases";

/// A flag that turns off a field that is on by default.
CustomValue toggle_off(bool& field) {
  return {.kind = toggle,
          .default_text = "false",
          .set = [&field](const std::string& text) { field = text == "false"; },
          .reset = [&field] { field = true; }};
}

/// The file of prompts. An empty text stays one: it asks for no pictures, where no file at all is an error.
CustomValue prompt_file(std::optional<std::string>& field) {
  return {.kind = text,
          .default_text = "None",
          .set = [&field](const std::string& given) { field = given; },
          .reset = [&field] { field = ""; }};
}

}  // namespace

FlagGroup save_flags(SaveConfig& c) {
  return {
      "Saving",
      {
          option("--output_dir", &c.output_dir, "Folder of all results").path(),
          option("--output_name", &c.output_name, "Name of the saved LoRA, without suffix; last when unset").recorded(),
          option("--save_precision", &c.save_precision,
                 "Type of the saved weights; unset: fp32, or what --full_fp16 and --full_bf16 train in")
              .choose("float,fp16,bf16"),
          option("--save_every_n_epochs", &c.save_every_n_epochs, "Save after each N epochs"),
          option("--save_every_n_steps", &c.save_every_n_steps, "Save after each N steps"),
          option("--save_model_as", &c.save_model_as, "Kind of file; ckpt and pt are PyTorch's and hold no metadata")
              .choose("safetensors,ckpt,pt"),
          option("--save_n_epoch_ratio", &c.save_n_epoch_ratio,
                 "Save about N times, after whole epochs; overrides --save_every_n_epochs"),
          option("--save_last_n_epochs", &c.save_last_n_epochs, "Keep only the files of the last N epochs"),
          option("--save_last_n_steps", &c.save_last_n_steps, "Keep only the files of the last N steps"),
          option("--save_state", &c.save_state, "Save the state needed to continue, in a folder beside each LoRA"),
          option("--save_state_on_train_end", &c.save_state_on_train_end, "Save that state at the end of the run"),
          option("--save_last_n_epochs_state", &c.save_last_n_epochs_state,
                 "Keep only the state folders of the last N epochs; unset: as --save_last_n_epochs"),
          option("--save_last_n_steps_state", &c.save_last_n_steps_state,
                 "Keep only the state folders of the last N steps; unset: as --save_last_n_steps"),
          option("--on_nonfinite", &c.on_nonfinite,
                 "After a loss or gradient that is not finite: stop, or go back to the last state with half the "
                 "learning rate")
              .choose("stop,rollback"),
          source("--resume", &c.resume, "State to continue from: a folder, or a .state file").path(),
          option("--auto_resume", &c.auto_resume,
                 "Continue an interrupted run of the same settings; this is the default"),
          option("--no_auto_resume", toggle_off(c.auto_resume),
                 "Start from the beginning even where the same run was interrupted"),
          setting("--initial_epoch", &c.initial_epoch, "Epoch to begin with, from 1"),
          setting("--initial_step", &c.initial_step, "Steps to count as done; overrides --initial_epoch"),
          no_effect("--skip_until_initial_step", toggle, "a run always continues with the next batch",
                    "Read and drop the batches before the first step"),
      },
  };
}

FlagGroup metadata_flags(MetadataConfig& c) {
  return {
      "Metadata of the saved file",
      {
          option("--no_metadata", &c.no_metadata, "Write only the few keys that other programs need"),
          option("--training_comment", &c.training_comment, "Note that is stored in the file").recorded(),
          option("--metadata_title", &c.metadata_title, "Title; the output name when unset")
              .recorded("modelspec.title"),
          option("--metadata_author", &c.metadata_author, "Author").recorded("modelspec.author"),
          option("--metadata_description", &c.metadata_description, "Description").recorded("modelspec.description"),
          option("--metadata_license", &c.metadata_license, "Licence").recorded("modelspec.license"),
          option("--metadata_tags", &c.metadata_tags, "Tags, with commas between").recorded("modelspec.tags"),
          option("--metadata_usage_hint", &c.metadata_usage_hint, "How to use it").recorded("modelspec.usage_hint"),
          option("--metadata_merged_from", &c.metadata_merged_from, "Names of the models it was merged from")
              .recorded("modelspec.merged_from"),
          option("--metadata_trigger_phrase", &c.metadata_trigger_phrase, "Words that call it up")
              .recorded("modelspec.trigger_phrase"),
          option("--metadata_preprocessor", &c.metadata_preprocessor, "Name of the preprocessor")
              .recorded("modelspec.preprocessor"),
          option("--metadata_is_negative_embedding", &c.metadata_is_negative_embedding, "Mark of a negative embedding")
              .recorded("modelspec.is_negative_embedding"),
          option("--metadata_thumbnail", &c.metadata_thumbnail, "Picture that stands for it: a file, or a data: URL")
              .path()
              .filled()
              .recorded("modelspec.thumbnail"),
      },
  };
}

FlagGroup watching_flags(TrainOptions& o) {
  TrackerConfig& tracker = o.config.tracker;
  return {
      "Watching",
      {
          option("--console_log_level", &o.console_log_level, "Least important messages shown; INFO when unset")
              .choose("DEBUG,INFO,WARNING,ERROR,CRITICAL"),
          no_effect("--console_log_file", text, "messages go to standard error: send them on with 2>FILE",
                    "File for messages"),
          no_effect("--console_log_simple", toggle, "messages are plain lines", "Plain messages"),
          option("--logging_dir", &tracker.logging_dir,
                 "Folder for TensorBoard's files; each start has one of its own there")
              .path(),
          option("--log_with", &tracker.log_with, "Trackers that receive values; wandb receives none")
              .choose("tensorboard,wandb,all"),
          option("--log_prefix", &tracker.log_prefix, "Text before the time in the name of that folder"),
          option("--log_tracker_name", &tracker.log_tracker_name, "Folder inside of that; network_train when unset"),
          no_effect("--log_tracker_config", text, "TensorBoard's files have nothing to set",
                    "TOML file of the tracker's settings"),
          option("--log_config", &tracker.log_config, "Record the run's settings there too"),
          no_effect("--wandb_run_name", text, wandb_note, "Name of the run in Weights and Biases"),
          no_effect("--wandb_api_key", text, wandb_note, "Key for Weights and Biases"),
          option("--sample_every_n_steps", &o.config.preview.sample_every_n_steps, "Make pictures after each N steps"),
          option("--sample_every_n_epochs", &o.config.preview.sample_every_n_epochs,
                 "Make pictures after each N epochs instead"),
          option("--sample_at_first", &o.config.preview.sample_at_first, "Make pictures before the first step"),
          option("--sample_prompts", prompt_file(o.config.preview.sample_prompts),
                 "File of prompts: .txt, .toml or .json; empty: no pictures")
              .path(),
          option("--sample_sampler", &o.config.preview.sample_sampler, "Sampler of prompts that name none")
              .choose(sampler_names()),
          setting("--validation_split", &o.config.data.defaults.dataset.validation_split,
                  "Share of pictures held out for validation, in each folder")
              .recorded(),
          setting("--validation_seed", &o.config.data.defaults.dataset.validation_seed,
                  "Seed of that choice and of validation's noise; 0 when unset")
              .recorded(),
          option("--validate_every_n_steps", &o.config.validation.validate_every_n_steps,
                 "Validate after each N steps, beside the ends of epochs")
              .recorded(),
          option("--validate_every_n_epochs", &o.config.validation.validate_every_n_epochs,
                 "Validate after each N epochs; 1 when unset")
              .recorded(),
          option("--max_validation_steps", &o.config.validation.max_validation_steps, "Most batches in a validation")
              .recorded(),
      },
  };
}

}  // namespace rankine
