#include "sample/previews.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>

#include "backend/registry.h"
#include "network/adapter_file.h"
#include "run/step_plan.h"
#include "sample/image_sampler.h"
#include "step/checkpoint_constants.h"
#include "support/training_run.h"

using namespace rankine;
using test::contains;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

/// Three small pictures and a run of six steps in two epochs.
struct Run {
  TemporaryFolder folder;
  TrainConfig config = test::tiny_config(test::tiny_checkpoint(), folder.path("pics"), folder.path("out"));

  Run() {
    test::add_pictures(folder, "pics/1_cat", 3, 64, 64);
    config.data.defaults.dataset = {.resolution = Size{64, 64}, .batch_size = 1};
    config.data.defaults.subset.caption.shuffle = true;
    config.optim.learning_rate = 1e-2;
    config.run.max_train_steps = 6;
  }

  void sample_every_step() {
    config.preview.sample_every_n_steps = 1;
    config.preview.sample_at_first = true;
    config.preview.sample_prompts = folder.text(
        "prompts.txt", "a (cat:1.3) --n dark --w 72 --h 64 --s 2 --d 5 --ss euler_a\n[a] dog --w 64 --h 64 --s 2\n");
  }

  /// Trains; with `stop_after` a Ctrl-C comes in that step. Gives what was said.
  std::string train(int64_t stop_after = 0) {
    test::Trigger buffer(concat_text("step ", stop_after, "/"), [&] {
      if (stop_after > 0) raise(SIGINT);
    });
    std::ostream out(&buffer);
    run_training(config, out, {.line_seconds = 0});
    return buffer.str();
  }
  std::string error() {
    return test::error_of([&] { train(); });
  }

  std::map<std::string, std::vector<float>> weights() const {
    return test::weights(folder.path("out/cat.safetensors"));
  }
  std::vector<std::string> pictures() const {
    std::vector<std::string> names;
    if (fs::exists(folder.path("out/sample")))
      for (const auto& entry : fs::directory_iterator(folder.path("out/sample")))
        names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
};

/// `name` with its fourteen digits of time as stars.
std::string without_time(std::string name, size_t at) { return name.replace(at, 14, "*"); }

}  // namespace

TEST_CASE("a run ends bit for bit the same with and without sample pictures, stopped and continued too") {
  const std::pair<const char*, void (*)(TrainConfig&)> kinds[] = {
      {"U-Net", [](TrainConfig&) {}},
      {"text encoder too, bf16, fp16 file",
       [](TrainConfig& c) {
         c.network.network_train_unet_only = false;
         c.step.mixed_precision = "bf16";
         c.save.save_precision = "fp16";
       }},
      {"schedule-free, two batches a step",
       [](TrainConfig& c) {
         c.optim.optimizer_type = "AdamWScheduleFree";
         c.run.gradient_accumulation_steps = 2;
       }},
  };
  for (const auto& [name, change] : kinds) {
    CAPTURE(name);
    Run plain, sampled, continued;
    for (Run* run : {&plain, &sampled, &continued}) change(run->config);
    sampled.sample_every_step();
    continued.sample_every_step();
    plain.train();
    CHECK(plain.pictures().empty());
    sampled.train();
    CHECK(sampled.pictures().size() == 2 * 7);
    CHECK(sampled.weights() == plain.weights());
    continued.train(/*stop_after=*/3);
    continued.train();
    CHECK(continued.weights() == plain.weights());
  }
}

TEST_CASE("sample pictures are named as by sd-scripts and tell what made them") {
  Run run;
  run.sample_every_step();
  run.config.preview.sample_every_n_steps = 4;
  run.config.run.max_train_steps = 5;
  const std::string said = run.train();
  const std::vector<std::string> names = run.pictures();
  REQUIRE(names.size() == 4);
  CHECK(without_time(names[0], 14) == "cat_000004_00_*_5.png");
  CHECK(without_time(names[1], 14) == "cat_000004_01_*.png");
  CHECK(without_time(names[2], 15) == "cat_e000000_00_*_5.png");
  CHECK(without_time(names[3], 15) == "cat_e000000_01_*.png");
  const std::string file = run.folder.path("out/sample/" + names[0]);
  const Image picture = read_image(file);
  CHECK(picture.width == 72);
  CHECK(picture.height == 64);
  const auto texts = read_png_texts(file);
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].second ==
        "a (cat:1.3)\nNegative prompt: dark\nSteps: 2, Sampler: Euler a, CFG scale: 7.5, Seed: 5, Size: 72x64, "
        "Model: tiny-sd15");
  CHECK(contains(said, "samples      2, 2 times, in "));
  CHECK(contains(said, "2 sample pictures in "));
  CHECK(contains(said, "; once more in this run, about "));
  CHECK(contains(said, "(sample pictures: "));
}

TEST_CASE("by epochs, steps count for nothing") {
  Run run;
  run.sample_every_step();
  run.config.preview.sample_at_first = false;
  run.config.preview.sample_every_n_epochs = 2;
  run.train();
  const std::vector<std::string> names = run.pictures();
  REQUIRE(names.size() == 2);
  CHECK(names[0].starts_with("cat_e000002_00_"));
}

TEST_CASE("a sample picture is that of the file saved at its step") {
  Run run;
  run.sample_every_step();
  run.config.preview.sample_every_n_steps = 3;
  run.config.save.save_every_n_steps = 3;
  run.config.save.save_precision = "fp16";
  run.config.network.network_train_unet_only = false;
  run.config.optim.learning_rate = 0.05;
  run.train();
  const Checkpoint checkpoint = Checkpoint::open(test::tiny_checkpoint());
  const auto adaptable = adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable);
  const auto of_file = [&](const std::string& lora) {
    std::vector<WeightedAdapter> loras;
    if (!lora.empty()) loras.push_back({read_adapter(run.folder.path("out/" + lora), adaptable), 1});
    ImageSampler sampler(find_backend("cpu"), checkpoint, {}, loras);
    return sampler.sample({.prompt = "a (cat:1.3)",
                           .negative_prompt = "dark",
                           .sampler = "euler_a",
                           .steps = 2,
                           .seed = 5,
                           .width = 72,
                           .height = 64});
  };
  const auto largest_difference = [](const Image& a, const Image& b) {
    int most = 0;
    for (size_t i = 0; i < a.pixels.size(); ++i) most = std::max(most, std::abs(a.pixels[i] - b.pixels[i]));
    return most;
  };
  const std::vector<std::string> names = run.pictures();
  const auto made_at = [&](const std::string& start) {
    const auto name = std::ranges::find_if(names, [&](const std::string& n) { return n.starts_with(start); });
    REQUIRE(name != names.end());
    return read_image(run.folder.path("out/sample/" + *name));
  };
  CHECK(largest_difference(made_at("cat_e000000_00"), of_file("")) <= 1);
  CHECK(largest_difference(made_at("cat_000003_00"), of_file("cat-step00000003.safetensors")) <= 1);
  CHECK(largest_difference(made_at("cat_000003_00"), of_file("")) > 3);  // the LoRA does show
}

TEST_CASE("the U-Net of sample pictures shares the frozen weights of the training step") {
  for (const char* algorithm : {"direct", "auto"}) {
    for (const DType compute : {DType::f32, DType::bf16}) {
      CAPTURE(algorithm);
      CAPTURE(name_of(compute));
      Run run;
      run.config.step.conv_algorithm = algorithm;
      run.config.step.mixed_precision = compute == DType::bf16 ? "bf16" : "no";
      const Checkpoint checkpoint = Checkpoint::open(test::tiny_checkpoint());
      CheckpointConstants constants(checkpoint);
      const auto optimizer = make_optimizer("AdamW", {});
      TrainingStep trainer(find_backend("cpu"), constants,
                           step_settings(run.config, open_model(checkpoint), checkpoint.tensors()), *optimizer, {});
      trainer.prepare({.batch = 1, .height = 64, .width = 64});
      const MemoryUse before = trainer.memory();
      REQUIRE(before.weights > 0);
      const StepShape picture = {.height = 64, .width = 64, .whole_chunks = true};
      trainer.guided_denoiser(picture, 7.5f);
      const MemoryUse after = trainer.memory();
      CHECK(after.weights == before.weights);
      CHECK(after.variables == before.variables);
      CHECK(after.arena == before.arena);
      // At a size where convolutions are computed otherwise, forms are added; they go again.
      trainer.guided_denoiser({.height = 8, .width = 8, .whole_chunks = true}, 7.5f);
      trainer.release_scratch();
      CHECK(trainer.memory().weights == before.weights);
    }
  }
}

TEST_CASE("faults of the prompt file stop the run before anything is made") {
  Run run;
  run.config.preview.sample_at_first = true;
  CHECK(contains(run.error(), "need a file of --sample_prompts"));
  run.config.preview.sample_prompts = run.folder.text("p.txt", "a cat\na dog --s 3 --ss pndm\n");
  CHECK(contains(run.error(), "p.txt:2: sampler: the steps of pndm must be between 4 and 1000"));
  run.config.preview.sample_prompts = run.folder.text("p.txt", "a cat\n\na (dog:1.2.3)\n");
  CHECK(contains(run.error(), "p.txt:3: "));
  CHECK(!fs::exists(run.folder.path("out")));
}

TEST_CASE("pictures that do not fit the memory budget are refused before training") {
  Run run;
  run.config.preview.sample_at_first = true;
  run.config.preview.sample_prompts = run.folder.text("p.txt", "a cat --w 2048 --h 2048\n");
  run.config.step.memory_budget = "700MiB";
  // The plan refuses them where the process itself holds much, as with the sanitizers; else what was compiled does.
  const std::string error = run.error();
  CHECK(contains(error, "--memory_budget"));
  CHECK(contains(error, "700 MiB"));
  CHECK(contains(error, " in --sample_prompts"));
  CHECK(!fs::exists(run.folder.path("out/cat.safetensors")));
}

TEST_CASE("a disk that takes no pictures does not stop the run") {
  Run run;
  run.sample_every_step();
  run.folder.text("out/sample", "a file where the folder should be");
  const std::string said = run.train();
  CHECK(contains(said, "no sample pictures after step 6, training goes on: "));
  CHECK(fs::exists(run.folder.path("out/cat.safetensors")));
}
