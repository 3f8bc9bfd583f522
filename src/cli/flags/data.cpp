#include "cli/flags/groups.h"

#include "data/dataset_config.h"

namespace rankine {

using enum FlagKind;

namespace {

CustomValue size_in_pixels(std::optional<Size>& field) {
  return {.kind = text,
          .default_text = "None",
          .set = [&field](const std::string& given) { field = resolution_from(given); },
          .reset = [&field] { field.reset(); }};
}

/// The same, where 0 means none.
CustomValue size_or_none(std::optional<Size>& field) {
  CustomValue value = size_in_pixels(field);
  value.set = [&field](const std::string& given) {
    field = given == "0" ? std::nullopt : std::optional(resolution_from(given));
  };
  return value;
}

CustomValue face_crop_range(std::optional<std::array<double, 2>>& field) {
  return {.kind = text,
          .default_text = "None",
          .set = [&field](const std::string& given) { field = face_crop_range_from(given); },
          .reset = [&field] { field.reset(); }};
}

}  // namespace

FlagGroup dataset_flags(TrainOptions& o) {
  DataConfig& c = o.config.data;
  DatasetOptions& options = c.defaults.dataset;
  return {
      "Dataset",
      {
          source("--train_data_dir", &c.train_data_dir, "Folder whose N_name subfolders hold the pictures")
              .path()
              .recorded("ss_dataset_dirs"),
          source("--dataset_config", &c.dataset_config, "TOML or JSON file that describes the datasets")
              .path()
              .filled()
              .recorded("ss_datasets"),
          source("--reg_data_dir", &c.reg_data_dir, "Folder whose N_name subfolders hold regularisation pictures")
              .path()
              .recorded("ss_reg_dataset_dirs"),
          source("--resolution", size_in_pixels(options.resolution), "Training size: one side, or width,height")
              .recorded(),
          setting("--train_batch_size", &options.batch_size, "Pictures in a batch")
              .recorded("ss_batch_size_per_device"),
          setting("--exif_orientation", &c.exif_orientation,
                  "Turn pictures as their EXIF data say, or train them as they are stored, as sd-scripts does")
              .choose("ignore,apply"),
          setting("--skip_broken_images", &c.skip_broken_images,
                  "Leave out pictures that cannot be read, or whose captions cannot, instead of stopping"),
          setting("--cache_latents", &c.cache_latents, "Encode all pictures once, before training").recorded(),
          option("--vae_batch_size", &c.vae_batch_size, "Accepted, and changes nothing: each picture is encoded alone"),
          option("--cache_latents_to_disk", &c.cache_latents_to_disk,
                 "--cache_latents, kept beside the pictures for later runs"),
          setting("--skip_cache_check", &c.skip_cache_check,
                  "Use the files of --cache_latents_to_disk without checking what they were made from"),
          option("--cache_text_encoder_outputs", &c.cache_text_encoder_outputs,
                 "Encode all captions once (SDXL): captions must not vary, and text encoders not be trained"),
          option("--cache_text_encoder_outputs_to_disk", &c.cache_text_encoder_outputs_to_disk,
                 "--cache_text_encoder_outputs, kept beside the pictures for later runs"),
          no_effect("--cache_info", toggle, "every picture is looked at before each run, so that faults are found",
                    "Keep sizes and captions in a file for a quicker start"),
          source("--in_json", &c.in_json,
                 "JSON or JSON Lines file that names pictures, captions and tags; --train_data_dir then holds the "
                 "pictures themselves")
              .path()
              .filled(),
          setting("--dataset_repeats", &c.defaults.subset.num_repeats,
                  "Repeats of the pictures of --in_json, and where a dataset file says nothing"),
          refused("--dataset_class", text, "Python class of a user's own dataset"),
          option("--debug_dataset", &c.debug_dataset, "Show the pictures and captions of the first epoch and stop"),
          option("--max_data_loader_n_workers", &o.config.run.max_data_loader_n_workers,
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
          setting("--enable_bucket", &c.enable_bucket,
                  "Group pictures by aspect ratio instead of cropping to one shape")
              .recorded(),
          setting("--min_bucket_reso", &c.min_bucket_reso, "Shortest side of a bucket, in pixels").recorded(),
          setting("--max_bucket_reso", &c.max_bucket_reso, "Longest side of a bucket, in pixels").recorded(),
          setting("--bucket_reso_steps", &c.bucket_reso_steps, "Sides of buckets are multiples of this"),
          setting("--bucket_no_upscale", &c.bucket_no_upscale, "Never enlarge a picture: its bucket follows its size")
              .recorded(),
          source("--skip_image_resolution", size_or_none(c.skip_image_resolution),
                 "Leave out pictures with no more pixels than this size: one side, or width,height; 0: none")
              .recorded("ss_skip_image_resolution"),
          setting("--resize_interpolation", &subset.resize_interpolation,
                  "Filter for resizing; unset: area to shrink, lanczos to enlarge")
              .recorded()
              .choose("lanczos,nearest,bilinear,linear,bicubic,cubic,area"),
          setting("--flip_aug", &subset.flip_aug, "Mirror pictures at random").recorded(),
          setting("--color_aug", &subset.color_aug,
                  "Change hue or brightness a little at random; not with --cache_latents")
              .recorded(),
          setting("--random_crop", &subset.random_crop,
                  "Cut at random instead of in the middle; not with --cache_latents")
              .recorded(),
          source("--face_crop_aug_range", face_crop_range(subset.face_crop_aug_range),
                 "Zoom range, such as 2.0,4.0, for crops around the face whose place is in the file's name; without "
                 "buckets")
              .recorded(),
      },
  };
}

FlagGroup caption_flags(TrainOptions& o) {
  SubsetOptions& subset = o.config.data.defaults.subset;
  CaptionSettings& c = subset.caption;
  return {
      "Captions",
      {
          setting("--caption_extension", &subset.caption_extension, "Suffix of caption files"),
          setting("--caption_extention", &o.caption_extention, "Old spelling of --caption_extension; wins over it"),
          setting("--caption_prefix", &c.prefix, "Text before every caption").initially("None"),
          setting("--caption_suffix", &c.suffix, "Text after every caption").initially("None"),
          setting("--caption_separator", &c.separator, "Text between tags").filled(),
          setting("--secondary_separator", &c.secondary_separator, "Joins tags that move and drop together")
              .initially("None"),
          setting("--shuffle_caption", &c.shuffle, "Shuffle the tags anew at every draw").recorded(),
          setting("--keep_tokens", &c.keep_tokens, "Leading tags that keep their place").recorded(),
          setting("--keep_tokens_separator", &c.keep_tokens_separator,
                  "Mark around parts that are never shuffled or dropped"),
          setting("--enable_wildcard", &c.enable_wildcard, "Choose one of {a|b}, and one line of several"),
          setting("--caption_dropout_rate", &c.dropout_rate, "Chance that a caption becomes empty").recorded(),
          setting("--caption_dropout_every_n_epochs", &c.dropout_every_n_epochs, "Empty all captions in each Nth epoch")
              .recorded(),
          setting("--caption_tag_dropout_rate", &c.tag_dropout_rate, "Chance for each tag to be dropped").recorded(),
          setting("--token_warmup_min", &c.token_warmup_min, "Tags used at the start of training"),
          setting("--token_warmup_step", &c.token_warmup_step, "Step, or share of all, when every tag is in use"),
          setting("--max_token_length", &o.config.model.max_token_length, "Longest caption in tokens; 75 when unset")
              .recorded()
              .choose("75,150,225"),
          setting("--weighted_captions", &o.config.model.weighted_captions, "Honour (word:1.2) weights in captions"),
      },
  };
}

}  // namespace rankine
