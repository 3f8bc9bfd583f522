#pragma once
#include "io/image.h"
#include "support/training_run.h"

namespace rankine::test {

/// An opaque picture, other for each seed.
inline Image pattern(int width, int height, int seed, int channels = 3) {
  Image image{.width = width, .height = height, .channels = channels};
  for (int i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(i % channels == 3 ? 255 : static_cast<uint8_t>((i * 31 + seed * 57 + i / 97) % 253));
  return image;
}

/// Five pictures of one shape with captions in pics/1_cat, batches of two: an epoch has three. Latents are cached.
struct SmallRun {
  TemporaryFolder folder;
  TrainConfig config;

  SmallRun() {
    add_pictures(folder, "pics/1_cat", 5, 64, 64);
    config = tiny_config(tiny_checkpoint(), folder.path("pics"), folder.path("out"));
    config.data.defaults.dataset.batch_size = 2;
  }

  void picture(const std::string& name, const Image& image) const {
    std::filesystem::create_directories(std::filesystem::path(folder.path(name)).parent_path());
    write_png(folder.path(name), image);
  }
  TrainOutcome train() const {
    std::ostringstream out;
    return run_training(config, out, {.line_seconds = 0});
  }
  /// Trains and reads the LoRA.
  std::map<std::string, std::vector<float>> trained() const { return weights(train().file); }
  std::string error() const {
    return error_of([&] { train(); });
  }
};

}  // namespace rankine::test
