#include "support/training_run.h"

#include <fstream>
#include <iterator>

#include "base/log.h"
#include "io/safetensors.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"

namespace rankine::test {

const std::string& tiny_checkpoint(const std::string& architecture) {
  static const TemporaryFolder folder;
  static std::map<std::string, std::string> paths;
  std::string& path = paths[architecture];
  if (path.empty()) {
    path = folder.path(architecture + ".safetensors");
    write_synthetic_checkpoint(layout_of(architecture), 1, path);
  }
  return path;
}

void add_pictures(const TemporaryFolder& folder, const std::string& subfolder, int count, int width, int height,
                  int first) {
  for (int i = first; i < first + count; ++i) {
    const std::string name = concat_text(subfolder, '/', i);
    folder.picture(name + ".png", width, height, i);
    folder.text(name + ".txt", concat_text("a cat, sitting, number ", i));
  }
}

TrainConfig tiny_config(const std::string& checkpoint, const std::string& train_data_dir,
                        const std::string& output_dir) {
  log::set_level(log::Level::error);
  TrainConfig c;
  c.model.pretrained_model_name_or_path = checkpoint;
  c.network.network_dim = 2;
  c.network.network_train_unet_only = true;
  c.data.train_data_dir = train_data_dir;
  c.data.cache_latents = true;
  c.data.defaults.dataset = {.resolution = Size{64, 64}, .batch_size = 1};
  c.data.defaults.subset.caption_extension = ".txt";
  c.optim.learning_rate = 1e-3;
  c.run.max_train_steps = 3;
  c.run.seed = 7;
  c.save.output_dir = output_dir;
  c.save.output_name = "cat";
  return c;
}

TrainingRun::TrainingRun() {
  add_pictures(folder, "pics/1_cat", 2, 128, 64);
  add_pictures(folder, "pics/1_cat", 3, 64, 64, 2);
  config = tiny_config(tiny_checkpoint(), folder.path("pics"), folder.path("out"));
  config.data.defaults.dataset = {.resolution = Size{128, 64},
                                  .batch_size = 2,
                                  .enable_bucket = true,
                                  .min_bucket_reso = 64,
                                  .max_bucket_reso = 128,
                                  .bucket_no_upscale = true};
}

std::string TrainingRun::train() const {
  std::ostringstream out;
  return train(out).file;
}

std::string TrainingRun::error() const {
  return error_of([&] { train(); });
}

std::map<std::string, std::vector<float>> weights(const std::string& path) {
  std::map<std::string, std::vector<float>> all;
  const SafetensorsFile file = SafetensorsFile::open(path);
  for (const TensorInfo& tensor : file.tensors()) all[tensor.name] = file.read_f32(tensor.name);
  return all;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace rankine::test
