// The effect of --vae, --save_model_as, --save_n_epoch_ratio and --metadata_thumbnail on the files of a run.
#include <doctest/doctest.h>

#include <filesystem>

#include "io/file_hash.h"
#include "io/safetensors.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "run/output_names.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

TEST_CASE("--vae trains on the latents of another autoencoder, tells it in the metadata, and caches know it") {
  SmallRun run;
  const std::string other = run.folder.path("other.safetensors");
  write_synthetic_checkpoint(layout_of("tiny-sd15"), 2, other);
  run.config.data.cache_latents_to_disk = true;
  std::ostringstream first, second, third;
  const auto train = [&](std::ostream& out) { return run_training(run.config, out, {.line_seconds = 0}); };
  const auto own = weights(train(first).file);
  run.config.model.vae = other;
  const std::string file = train(second).file;
  CHECK(contains(second.str(), "another VAE made it"));
  CHECK(weights(file) != own);
  const auto metadata = SafetensorsFile::open(file).metadata();
  CHECK(metadata.at("ss_vae_name") == "other.safetensors");
  CHECK(metadata.at("ss_vae_hash") == window_hash_of_file(other));
  CHECK(metadata.at("ss_new_vae_hash") == sha256_of_file(other));
  run.config.model.vae = tiny_checkpoint();  // the same as none
  CHECK(weights(train(third).file) == own);
}

TEST_CASE("going on from the state of a run with another autoencoder tells that it was another") {
  SmallRun run;
  run.config.save.save_state_on_train_end = true;
  run.train();
  const std::string other = run.folder.path("other.safetensors");
  write_synthetic_checkpoint(layout_of("tiny-sd15"), 2, other);
  run.config.model.vae = other;
  run.config.save.resume = run.folder.path("out/cat-state");
  run.config.run.max_train_steps = 4;
  std::ostringstream out;
  run_training(run.config, out, {.line_seconds = 0});
  CHECK(contains(out.str(), "vae: not given there, "));
}

TEST_CASE("--save_model_as pt writes every file of a run for torch.load, under that suffix") {
  SmallRun run;
  run.config.save.save_model_as = "pt";
  run.config.save.save_every_n_steps = 1;
  run.config.save.save_last_n_steps = 1;
  CHECK(run.train().file == run.folder.path("out/cat.pt"));
  for (const char* name : {"out/cat-step00000002.pt", "out/cat-step00000003.pt", "out/cat.pt"}) {
    CAPTURE(std::string(name));
    CHECK(bytes_of(run.folder.path(name)).substr(0, 4) == "PK\3\4");
  }
  CHECK(!fs::exists(run.folder.path("out/cat-step00000001.pt")));
  for (const auto& entry : fs::directory_iterator(run.folder.path("out")))
    CHECK(entry.path().extension() != ".safetensors");
}

TEST_CASE("--save_n_epoch_ratio spreads about so many saves over the epochs") {
  SaveConfig c;
  CHECK(epochs_between_saves(c, 10) == 0);
  c.save_every_n_epochs = 3;
  CHECK(epochs_between_saves(c, 10) == 3);
  for (const auto& [saves, between] : {std::pair{1, 10}, {3, 3}, {4, 2}, {10, 1}, {20, 1}}) {
    c.save_n_epoch_ratio = saves;
    CHECK(epochs_between_saves(c, 10) == between);
  }
  SmallRun run;
  run.config.run.max_train_steps = 12;  // four epochs
  run.config.save.save_n_epoch_ratio = 2;
  run.train();
  CHECK(fs::exists(run.folder.path("out/cat-000002.safetensors")));
  CHECK(!fs::exists(run.folder.path("out/cat-000001.safetensors")));
  CHECK(!fs::exists(run.folder.path("out/cat-000003.safetensors")));
}

TEST_CASE("--metadata_thumbnail puts a picture into the metadata, and is looked at before training") {
  SmallRun run;
  run.config.run.max_train_steps = 1;
  run.config.metadata.metadata_thumbnail = run.folder.path("pics/1_cat/0.png");
  CHECK(SafetensorsFile::open(run.train().file).metadata().at("modelspec.thumbnail").starts_with("data:image/jpeg;"));
  run.config.metadata.metadata_thumbnail = "data:image/png;base64,AAAA";
  CHECK(SafetensorsFile::open(run.train().file).metadata().at("modelspec.thumbnail") == "data:image/png;base64,AAAA");
  run.config.metadata.metadata_thumbnail = run.folder.path("none.png");
  CHECK(contains(run.error(), "none.png"));
}
