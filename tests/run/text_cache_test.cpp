#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/npz.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

/// A run of SDXL that keeps its encoded captions beside the pictures.
struct CachingRun : TrainingRun {
  CachingRun() {
    config.model.pretrained_model_name_or_path = tiny_checkpoint("tiny-sdxl");
    config.data.cache_text_encoder_outputs_to_disk = true;
  }

  /// The output up to the first step, and the LoRA's tensors.
  std::pair<std::string, std::map<std::string, std::vector<float>>> run() const {
    std::ostringstream out;
    const std::string file = train(out).file;
    return {out.str(), weights(file)};
  }

  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path("")))
      if (entry.path().string().ends_with("_te_outputs.npz")) found.push_back(entry.path().string());
    std::ranges::sort(found);
    return found;
  }
};

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string caption_file(const std::string& cache_file) {
  return cache_file.substr(0, cache_file.find("_te_outputs.npz")) + ".txt";
}

}  // namespace

TEST_CASE("encoded captions are kept beside the pictures, read again, and change no bit of the run") {
  CachingRun run;
  run.config.data.cache_text_encoder_outputs_to_disk = false;
  const auto plain = run.run().second;
  run.config.data.cache_text_encoder_outputs_to_disk = true;
  const auto [made, first] = run.run();
  CHECK(contains(made, "encoded captions of 5 pictures: 5 made"));
  CHECK(run.files().size() == 5);
  const NpzFile file = NpzFile::open(run.files()[0]);
  CHECK(file.has("hidden_state1"));
  CHECK(file.has("hidden_state2"));
  CHECK(file.has("pool2"));
  const auto [read, second] = run.run();
  CHECK(contains(read, "encoded captions of 5 pictures: 5 read from disk, 0 made"));
  CHECK(first == plain);
  CHECK(second == plain);
}

TEST_CASE("an encoded caption is made anew once its caption, the checkpoint or the file has changed") {
  CachingRun run;
  run.run();
  const std::vector<std::string> files = run.files();
  REQUIRE(files.size() == 5);
  write_text(caption_file(files[0]), "something else");
  std::string made = run.run().first;
  CHECK(contains(made, "4 read from disk, 1 made"));
  CHECK(contains(made, "its caption has changed"));

  write_text(files[1], "not an archive");
  made = run.run().first;
  CHECK(contains(made, "4 read from disk, 1 made"));
  CHECK(contains(made, "made anew: " + files[1]));

  run.config.step.mixed_precision = "bf16";
  made = run.run().first;
  CHECK(contains(made, "5 made"));
  CHECK(contains(made, "it was computed in another type"));
}

TEST_CASE("captions that vary or trained text encoders exclude a cache of encoded captions, as in sd-scripts") {
  CachingRun run;
  run.config.network.network_train_unet_only = false;
  CHECK(contains(run.error(), "add --network_train_unet_only"));
  run.config.network.network_train_unet_only = true;
  CaptionSettings& caption = run.config.data.defaults.subset.caption;
  const auto refused = [&](const std::string& name) {
    CHECK(contains(run.error(), "--cache_text_encoder_outputs: " + name + " changes captions"));
    caption = {};
  };
  caption.shuffle = true;
  refused("shuffle_caption");
  caption.dropout_rate = 0.1;
  refused("caption_dropout_rate");
  caption.tag_dropout_rate = 0.1;
  refused("caption_tag_dropout_rate");
  caption.token_warmup_step = 2;
  refused("token_warmup_step");
  run.config.data.cache_text_encoder_outputs_to_disk = false;
  run.config.data.cache_text_encoder_outputs = true;
  caption.enable_wildcard = true;
  refused("enable_wildcard");
}

TEST_CASE("a note before the first step names flags that the model does not use") {
  CachingRun run;
  run.config.model.clip_skip = 2;
  CHECK(contains(run.run().first, "--clip_skip is not used: the text encoders of SDXL are read at fixed layers"));
  run.config.model.pretrained_model_name_or_path = tiny_checkpoint();
  CHECK(contains(run.run().first, "--cache_text_encoder_outputs: SD 1.x has no files of encoded captions"));
}
