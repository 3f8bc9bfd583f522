#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "io/image.h"
#include "io/safetensors.h"
#include "run/step_plan.h"
#include "support/lora.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

TEST_CASE("a run writes the LoRA of every module, changed and finite, with its metadata, and a line a step") {
  TrainingRun run;
  run.config.network.network_train_unet_only = false;
  run.config.save.save_every_n_epochs = 1;
  run.config.save.save_every_n_steps = 2;
  run.config.run.max_train_steps = 5;
  std::ostringstream out;
  const TrainOutcome outcome = run.train(out);
  CHECK(outcome.steps == 5);
  CHECK(!outcome.interrupted);
  CHECK(std::isfinite(outcome.loss));
  CHECK(outcome.file == run.out("cat.safetensors"));
  CHECK(contains(out.str(), "5 in 2 epochs"));
  CHECK(contains(out.str(), "step 5/5"));

  const Checkpoint checkpoint = Checkpoint::open(tiny_checkpoint());
  const StepSettings settings = step_settings(run.config, open_model(checkpoint), checkpoint.tensors());
  const auto trained = weights(outcome.file);
  CHECK(trained.size() == 3 * settings.layers.size());
  for (const AdaptedLayer& m : settings.layers) {
    CAPTURE(m.key);
    REQUIRE(trained.contains(m.key + ".lora_up.weight"));
    const std::vector<float>& up = trained.at(m.key + ".lora_up.weight");
    CHECK(static_cast<int64_t>(up.size()) == count_of(test::up_shape(m)));
    CHECK(std::ranges::any_of(up, [](float x) { return x != 0; }));
    CHECK(trained.at(m.key + ".alpha") == std::vector<float>{1});
  }

  const std::tuple<const char*, const char*, const char*> files[] = {{"cat-step00000002.safetensors", "2", "0"},
                                                                     {"cat-000001.safetensors", "3", "1"},
                                                                     {"cat-step00000004.safetensors", "4", "1"},
                                                                     {"cat.safetensors", "5", "2"}};
  for (const auto& [name, steps, epoch] : files) {
    CAPTURE(name);
    REQUIRE(fs::exists(run.out(name)));
    const auto metadata = SafetensorsFile::open(run.out(name)).metadata();
    CHECK(metadata.at("ss_steps") == steps);
    CHECK(metadata.at("ss_epoch") == epoch);
    CHECK(metadata.at("ss_max_train_steps") == "5");
    CHECK(metadata.at("ss_num_epochs") == "2");
    CHECK(metadata.at("ss_new_sd_model_hash").size() == 64);
  }
  CHECK(std::distance(fs::directory_iterator(run.out("")), {}) == 8);  // and metrics and report, with links to them

  std::ifstream metrics(run.out("metrics.jsonl"));
  int lines = 0;
  for (std::string line; std::getline(metrics, line); ++lines) CHECK(contains(line, "forward_backward"));
  CHECK(lines == 5);
}

TEST_CASE("a seed gives the same LoRA bit for bit, whatever the loader's threads; another seed gives another") {
  TrainingRun run;
  for (const bool cached : {true, false}) {
    CAPTURE(cached);
    run.config.data.cache_latents = cached;
    run.config.data.defaults.subset.flip_aug = true;
    run.config.data.defaults.subset.caption.shuffle = true;
    run.config.run.max_data_loader_n_workers = 1;
    const auto first = weights(run.train());
    run.config.run.max_data_loader_n_workers = 8;
    CHECK(weights(run.train()) == first);
    run.config.run.seed = 8;
    CHECK(weights(run.train()) != first);
    run.config.run.seed = 7;
  }
}

TEST_CASE("gradient accumulation moves the weights at the end of an epoch too") {
  TrainingRun run;
  run.config.run.gradient_accumulation_steps = 2;
  run.config.run.max_train_epochs = 2;
  std::ostringstream out;
  CHECK(run.train(out).steps == 4);  // of 2, 1, 2 and 1 batches
}

TEST_CASE("bf16, long captions, checkpointing, noise offset and v-prediction train together") {
  TrainingRun run;
  run.config.step.mixed_precision = "bf16";
  run.config.step.gradient_checkpointing = true;
  run.config.model.max_token_length = 150;
  run.config.model.clip_skip = 2;
  run.config.model.v_parameterization = true;
  run.config.loss.noise.noise_offset = 0.1;
  run.config.loss.weighting.min_snr_gamma = 5;
  run.config.save.save_precision = "bf16";
  std::ostringstream out;
  const TrainOutcome outcome = run.train(out);
  CHECK(outcome.steps == 3);
  CHECK(contains(out.str(), "bf16, gradient checkpointing"));
  CHECK(SafetensorsFile::open(outcome.file).metadata().at("modelspec.prediction_type") == "v");
}

TEST_CASE("every shape of loss trains under every kind of noise, each to other weights") {
  TrainingRun run;
  run.config.run.max_train_steps = 1;
  std::set<std::map<std::string, std::vector<float>>> results = {weights(run.train())};
  run.config.loss.noise = {.noise_offset = 0.1,
                           .noise_offset_random_strength = true,
                           .adaptive_noise_scale = 0.02,
                           .multires_noise_iterations = 6,
                           .ip_noise_gamma = 0.1,
                           .ip_noise_gamma_random_strength = true,
                           .zero_terminal_snr = true,
                           .min_timestep = 100,
                           .max_timestep = 900};
  const std::pair<const char*, const char*> losses[] = {
      {"l2", "snr"}, {"l1", "snr"}, {"huber", "snr"}, {"smooth_l1", "exponential"}, {"smooth_l1", "constant"}};
  for (const auto& [type, schedule] : losses) {
    run.config.loss.loss_type = type;
    run.config.loss.huber_schedule = schedule;
    const std::string file = run.train();
    CHECK(results.insert(weights(file)).second);
    const auto metadata = SafetensorsFile::open(file).metadata();
    CHECK(metadata.at("ss_loss_type") == type);
    CHECK(metadata.at("ss_multires_noise_iterations") == "6");
  }
}

TEST_CASE("with alpha_mask the loss is weighed by the pictures' alpha, in step with their mirroring") {
  TrainingRun run;
  run.config.run.max_train_steps = 1;
  const auto plain = weights(run.train());
  run.config.loss.masked_loss = true;
  CHECK(contains(run.error(), "--masked_loss: no folder has masks"));
  run.config.data.defaults.subset.alpha_mask = true;
  const auto opaque = weights(run.train());  // the same up to rounding: the mask is 1
  for (const auto& [name, values] : plain)
    CHECK(std::ranges::equal(values, opaque.at(name), [](float a, float b) { return std::fabs(a - b) < 1e-4f; }));

  for (int i = 0; i < 5; ++i) {
    Image image = read_image(run.folder.path(concat_text("pics/1_cat/", i, ".png")), Alpha::require);
    for (size_t p = 0; p < image.pixels.size() / 4; ++p) image.pixels[p * 4 + 3] = p % 64 < 32 ? 255 : 0;
    write_png(run.folder.path(concat_text("pics/1_cat/", i, ".png")), image);
  }
  run.config.data.defaults.subset.flip_aug = true;
  CHECK(weights(run.train()) != opaque);
}

TEST_CASE("convolutions train with conv_dim, and dim_from_weights takes everything from the file") {
  TrainingRun run;
  run.config.network.network_args = {"conv_dim=1", "conv_alpha=0.5", "loraplus_unet_lr_ratio=4"};
  run.config.network.scale_weight_norms = 0.01;
  const std::string first = run.train();
  const auto trained = weights(first);
  const std::string conv = "lora_unet_down_blocks_0_resnets_0_conv1";
  CHECK(trained.contains(conv + ".lora_up.weight"));
  CHECK(trained.at(conv + ".alpha") == std::vector<float>{0.5f});
  const auto metadata = SafetensorsFile::open(first).metadata();
  CHECK(metadata.at("ss_scale_weight_norms") == "0.01");
  CHECK(contains(metadata.at("ss_network_args"), "\"conv_dim\": \"1\""));

  run.config.network = NetworkConfig();
  run.config.network.network_weights = first;
  run.config.network.dim_from_weights = true;
  run.config.network.network_train_unet_only = true;
  run.config.optim.lr_schedule.name = "constant_with_warmup";
  run.config.optim.lr_schedule.lr_warmup_steps = {.value = 2};
  run.config.run.max_train_steps = 1;  // at a rate of 0
  run.config.save.output_name = "next";
  CHECK(weights(run.train()) == trained);
}

TEST_CASE("a learning rate of 0 leaves its part as it was, and training goes on from a LoRA file") {
  TrainingRun run;
  run.config.network.network_train_unet_only = false;
  run.config.optim.text_encoder_lr = {0};
  const std::string first = run.train();
  const auto trained = weights(first);
  for (const auto& [name, values] : trained)
    if (name.starts_with("lora_te") && name.ends_with("lora_up.weight"))
      CHECK(std::ranges::all_of(values, [](float x) { return x == 0; }));

  run.config.network.network_weights = first;
  run.config.optim.lr_schedule.name = "constant_with_warmup";
  run.config.optim.lr_schedule.lr_warmup_steps = {.value = 2};
  run.config.run.max_train_steps = 1;  // at a rate of 0
  run.config.save.output_name = "next";
  CHECK(weights(run.train()) == trained);

  run.config.optim.unet_lr = 0;
  CHECK(contains(run.error(), "nothing is trained"));
}

TEST_CASE("a seed that was not given is drawn and told") {
  TrainingRun run;
  run.config.run.seed.reset();
  run.config.run.max_train_steps = 1;
  std::ostringstream out;
  const std::string file = run.train(out).file;
  const std::string seed = SafetensorsFile::open(file).metadata().at("ss_seed");
  CHECK(contains(out.str(), "seed         " + seed + "  (drawn now"));
}

TEST_CASE("faults of the data, the settings and the output folder are found before the first step") {
  TrainingRun run;
  SUBCASE("all broken pictures are named") {
    fs::resize_file(run.folder.path("pics/1_cat/1.png"), 60);
    run.folder.text("pics/1_cat/3.png", "this is no picture");
    const std::string error = run.error();
    CHECK(contains(error, "1.png"));
    CHECK(contains(error, "3.png"));
  }
  SUBCASE("captions under another suffix") {
    run.config.data.defaults.subset.caption_extension = ".caption";
    CHECK(contains(run.error(), ".txt"));
  }
  SUBCASE("the output folder is a file") {
    run.folder.text("out", "");
    CHECK(contains(run.error(), "--output_dir"));
  }
  SUBCASE("fp8 weights in an fp32 run") {
    run.config.step.fp8_base = true;
    CHECK(contains(run.error(), "--fp8_base requires mixed precision"));
  }
  SUBCASE("a schedule that cannot be") {
    run.config.optim.lr_schedule.name = "sine";
    CHECK(contains(run.error(), "sine"));
  }
  SUBCASE("a LoRA of another rank to start from") {
    TrainingRun other;
    other.config.run.max_train_steps = 1;
    run.config.network.network_weights = other.train();
    run.config.network.network_dim = 4;
    CHECK(contains(run.error(), "has rank 2, but network_dim is 4"));
  }
  SUBCASE("more layers to skip than there are") {
    run.config.model.clip_skip = 4;
    CHECK(contains(run.error(), "this text encoder has 3 layers"));
  }
  SUBCASE("a checkpoint that is not there") {
    run.config.model.pretrained_model_name_or_path = run.folder.path("nothing.safetensors");
    CHECK(contains(run.error(), "nothing.safetensors"));
  }
  CHECK(!fs::exists(run.out("cat.safetensors")));
}

TEST_CASE("a loss that is not finite stops the run with its step and files, and is never saved") {
  TrainingRun run;
  run.config.optim.learning_rate = 1e30;
  run.config.run.max_train_steps = 10;
  run.config.save.save_every_n_steps = 1;
  const std::string error = run.error();
  CHECK(contains(error, "not finite"));
  CHECK(contains(error, "step "));
  CHECK(contains(error, ".png"));
  CHECK(!fs::exists(run.out("cat.safetensors")));
  for (const auto& entry : fs::directory_iterator(run.out("")))
    if (entry.path().extension() == ".safetensors")
      for (const auto& [name, values] : weights(entry.path().string()))
        CHECK(std::ranges::all_of(values, [](float x) { return std::isfinite(x); }));
}

TEST_CASE("a weight that overflows at the last step is not saved either") {
  TrainingRun run;
  run.config.optim.learning_rate = 1e39;  // more than float32 holds
  run.config.run.max_train_steps = 1;
  CHECK(contains(run.error(), "finite"));
  CHECK(!fs::exists(run.out("cat.safetensors")));
}

TEST_CASE("Ctrl-C ends the step, saves the LoRA and says so") {
  TrainingRun run;
  run.config.run.max_train_steps = 1000;
  run.config.save.auto_resume = false;
  for (const int signal : {SIGINT, SIGTERM}) {
    Trigger buffer("step 2/1000", [&] { raise(signal); });
    std::ostream out(&buffer);
    const TrainOutcome outcome = run.train(out);
    CHECK(outcome.interrupted);
    CHECK(outcome.steps == 2);
    CHECK(outcome.file == run.out("cat-step00000002.safetensors"));
    CHECK(SafetensorsFile::open(outcome.file).metadata().at("ss_steps") == "2");
    CHECK(contains(buffer.str(), "stopped after 2 of 1000 steps"));
  }
  Trigger buffer("caching latents", [] { raise(SIGINT); });
  std::ostream out(&buffer);
  CHECK_THROWS_WITH_AS(run.train(out), "stopped before the first step; nothing is saved", Error);
}

TEST_CASE("a picture that vanishes during the run stops it, and what was trained is saved") {
  TrainingRun run;
  run.config.data.cache_latents = false;
  run.config.run.max_train_steps = 1000;
  Trigger buffer("step 2/1000", [&] { fs::remove(run.folder.path("pics/1_cat/0.png")); });
  std::ostream out(&buffer);
  std::string error;
  try {
    run.train(out);
  } catch (const Error& e) {
    error = e.what();
  }
  CHECK(contains(error, "0.png"));
  const size_t at = error.find("cat-step");
  REQUIRE(at != std::string::npos);
  CHECK(fs::exists(run.out(error.substr(at, error.find('\n', at) - at))));
  CHECK(contains(error, "--resume " + run.out("cat.state")));
  CHECK(fs::exists(run.out("cat.state")));
}

TEST_CASE("weights in captions count with --weighted_captions, and captions without any train as ever, to the bit") {
  for (const bool text_encoder : {false, true}) {
    CAPTURE(text_encoder);
    const auto trained = [&](bool weighted, const std::string& caption) {
      TrainingRun run;
      for (int i = 0; i < 5; ++i) run.folder.text(concat_text("pics/1_cat/", i, ".txt"), caption);
      run.config.network.network_train_unet_only = !text_encoder;
      run.config.model.weighted_captions = weighted;
      run.config.model.max_token_length = 150;
      return weights(run.train());
    };
    CHECK(trained(true, "a cat, sitting") == trained(false, "a cat, sitting"));
    CHECK(trained(true, "a (cat:1.5), sitting") != trained(true, "a (cat:1.2), sitting"));
    CHECK(trained(true, "a (cat:1.5), sitting") != trained(false, "a (cat:1.5), sitting"));
  }
  TrainingRun run;
  run.folder.text("pics/1_cat/3.txt", "a (cat:1.2.3)");
  run.config.model.weighted_captions = true;
  run.config.data.defaults.subset.caption.shuffle = true;
  CHECK(contains(run.error(), "3.txt: weighted caption: \"1.2.3\" is not a number"));
}
