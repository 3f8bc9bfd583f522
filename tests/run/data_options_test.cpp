#include <doctest/doctest.h>

#include "run/dataset_setup.h"
#include "run/debug_dataset.h"
#include "run/run_identity.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;

TEST_CASE("pictures cut and coloured at random train to other weights, the same for the same seed") {
  SmallRun run;
  run.config.data.cache_latents = false;
  for (int i = 0; i < 5; ++i) run.picture(concat_text("pics/1_cat/", i, ".png"), pattern(90, 80, i));
  const auto plain = run.trained();
  run.config.data.defaults.subset.random_crop = true;
  const auto cropped = run.trained();
  CHECK(cropped != plain);
  CHECK(cropped == run.trained());
  run.config.data.defaults.subset.color_aug = true;
  CHECK(run.trained() != cropped);
}

TEST_CASE("what makes another picture at every draw is refused with cached latents") {
  SmallRun run;
  SubsetOptions& subset = run.config.data.defaults.subset;
  subset.random_crop = true;
  CHECK(run.error().find("random_crop makes another picture at every draw") != std::string::npos);
  subset = {.color_aug = true};
  CHECK(run.error().find("color_aug makes another picture at every draw") != std::string::npos);
  subset = {.face_crop_aug_range = std::array{2.0, 4.0}};
  CHECK(run.error().find("face_crop_aug_range makes another picture") != std::string::npos);
}

TEST_CASE("mask pictures weigh the loss as the same masks in the pictures' alpha do") {
  SmallRun run;
  run.config.loss.masked_loss = true;
  for (const char* latents : {"in memory", "on the disk", "not cached"}) {
    CAPTURE(latents);
    run.config.data.cache_latents = std::string(latents) != "not cached";
    run.config.data.cache_latents_to_disk = std::string(latents) == "on the disk";
    SubsetOptions& subset = run.config.data.defaults.subset;
    subset.flip_aug = true;
    for (int i = 0; i < 5; ++i) {
      Image picture = pattern(64, 64, i, 4), mask = pattern(64, 64, 0);
      for (size_t p = 0; p < 64 * 64; ++p) {
        picture.pixels[p * 4 + 3] = mask.pixels[p * 3] = static_cast<uint8_t>(p % 64 * 4);
        mask.pixels[p * 3 + 1] = 9;  // only red is read
      }
      run.picture(concat_text("pics/1_cat/", i, ".png"), picture);
      run.picture(concat_text("masks/1_cat/", i, ".png"), mask);
    }
    subset.conditioning_data_dir.reset();
    subset.alpha_mask = true;
    const auto by_alpha = run.trained();
    subset.alpha_mask = false;
    subset.conditioning_data_dir = run.folder.path("masks");  // its subfolder 1_cat belongs to pics/1_cat
    CHECK(run.trained() == by_alpha);
  }
  run.config.loss.masked_loss = false;  // the flag alone has no effect, as in sd-scripts
  CHECK_FALSE(load_training_data(run.config, {}).has_mask(load_training_data(run.config, {}).samples[0]));
  run.config.data.dataset_config = run.folder.text("d.toml",
                                                   "[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"pics/1_cat\"\n"
                                                   "conditioning_data_dir = \"masks/1_cat\"\n");
  CHECK(run.error().find("which only --masked_loss reads") != std::string::npos);
}

TEST_CASE(
    "--debug_dataset shows each picture and caption of the first epoch, as drawn for the seed, and trains nothing") {
  SmallRun run;
  run.config.data.defaults.subset.caption.shuffle = true;
  run.config.data.defaults.subset.flip_aug = true;
  const auto shown = [&] {
    std::ostringstream out;
    show_dataset(run.config, out);
    return out.str();
  };
  const std::string text = shown();
  for (int i = 0; i < 5; ++i) CHECK(contains(text, run.folder.path(concat_text("pics/1_cat/", i, ".png, 64x64"))));
  CHECK(contains(text, "batch 3/3, 64x64"));
  CHECK_FALSE(contains(text, "batch 4"));
  CHECK(contains(text, "mirrored"));
  CHECK(text == shown());
  CHECK_FALSE(std::filesystem::exists(run.folder.path("out")));
  run.config.run.seed = 8;
  CHECK(text != shown());
}

TEST_CASE("a metadata file trains like the same captions in files") {
  SmallRun run;
  const auto from_files = run.trained();
  std::string json;
  for (int i = 0; i < 5; ++i)
    json += concat_text(i ? ", \"" : "{\"", i, "\": {\"caption\": \"a cat\", \"tags\": \" sitting, number ", i, "\"}");
  run.config.data.in_json = run.folder.text("meta.json", json + "}");
  run.config.data.train_data_dir = run.folder.path("pics/1_cat");
  CHECK(run.trained() == from_files);
}

TEST_CASE("a state belongs to the masks, alphas and caption options of its run") {
  SmallRun run;
  run.config.loss.masked_loss = true;
  const StepSettings settings;
  for (int i = 0; i < 5; ++i) {
    run.picture(concat_text("a/", i, ".png"), pattern(64, 64, i));
    run.picture(concat_text("b/", i, ".png"), pattern(64, 64, i + 10));
  }
  const auto dataset = [&](const std::string& options) {
    run.config.data.dataset_config =
        run.folder.text("d.toml", "[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"pics/1_cat\"\n" + options + "\n");
    const TrainingData data = load_training_data(run.config, {});
    const RunLength length = run_length(run.config.run, data.batches_per_epoch());
    return run_settings(run.config, data, length, settings, "AdamW()").at("dataset");
  };
  std::vector<std::string> all;
  for (const char* options :
       {"", "alpha_mask = true", "conditioning_data_dir = \"a\"", "conditioning_data_dir = \"b\"",
        "caption_dropout_rate = 0.5", "color_aug = true", "random_crop = true", "face_crop_aug_range = [1.0, 2.0]"}) {
    CAPTURE(options);
    run.config.data.cache_latents = false;
    const std::string text = dataset(options);
    CHECK(text == dataset(options));
    for (const std::string& other : all) CHECK(text != other);
    all.push_back(text);
  }
}

TEST_CASE("SDXL's buckets have steps of 32, as sd-scripts asks") {
  TrainingRun run;
  run.config.model.pretrained_model_name_or_path = tiny_checkpoint("tiny-sdxl");
  run.config.run.max_train_steps = 1;
  run.config.data.defaults.dataset.bucket_no_upscale = false;
  run.config.data.defaults.dataset.bucket_reso_steps = 32;
  CHECK(run.error().empty());
  run.config.data.defaults.dataset.bucket_reso_steps = 16;
  CHECK(contains(run.error(), "bucket_reso_steps must be a multiple of 32"));
}
