#include "run/latent_cache.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "backend/registry.h"
#include "base/log.h"
#include "io/image.h"
#include "io/npz.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "models/model.h"
#include "step/checkpoint_constants.h"
#include "step/weights_digest.h"
#include "support/reference.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

/// Pictures of 64 rows in pics/1_cat, and the files beside them.
struct Folder : TemporaryFolder {
  Folder() { fs::create_directories(path("pics/1_cat")); }
  void picture(int number, int width, int seed) const {
    TemporaryFolder::picture(concat_text("pics/1_cat/", number, ".png"), width, 64, seed);
  }
  std::vector<std::string> files(const std::string& ending) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path("pics/1_cat")))
      if (entry.path().string().ends_with(ending)) found.push_back(entry.path().string());
    std::ranges::sort(found);
    return found;
  }
};

const std::string& checkpoint(uint64_t seed) {
  static const TemporaryFolder folder;
  static std::map<uint64_t, std::string> paths;
  std::string& path = paths[seed];
  if (path.empty()) {
    path = folder.path(concat_text(seed, ".safetensors"));
    write_synthetic_checkpoint(layout_of("tiny-sd15"), seed, path);
  }
  return path;
}

/// The encoder of a checkpoint, and its digest.
struct Vae {
  explicit Vae(uint64_t seed)
      : file(Checkpoint::open(checkpoint(seed))),
        constants(file),
        model(open_model(file)),
        digest(vae_digest(constants, *model)),
        encoder(find_backend("cpu"), constants, {model, DType::f32}) {}

  Checkpoint file;
  CheckpointConstants constants;
  std::shared_ptr<const Model> model;
  std::string digest;
  LatentEncoder encoder;
};
Vae& vae() {
  static Vae one(1);
  return one;
}

DatasetConfig dataset(const Folder& folder, bool flip = false, bool alpha = false) {
  log::set_level(log::Level::error);
  DataDefaults defaults;
  defaults.dataset = {.resolution = Size{128, 64},
                      .enable_bucket = true,
                      .min_bucket_reso = 64,
                      .max_bucket_reso = 128,
                      .bucket_no_upscale = true};
  defaults.subset.flip_aug = flip;
  defaults.subset.alpha_mask = alpha;
  return dataset_from_folders(folder.path("pics"), "", defaults);
}

struct Filled {
  LatentCache cache;
  LatentCacheReport report;
  std::string text;
};

Filled fill(const TrainingData& data, Vae& with, LatentCacheConfig config = {.to_disk = true}, int64_t most = 1000) {
  config.vae = with.digest;
  Filled filled;
  filled.report = filled.cache.fill(data, config, with.encoder, [&](const LatentCacheReport& so_far, int64_t total) {
    CHECK(so_far.read + so_far.made <= total);
    return so_far.made < most;
  });
  filled.text = report_text(filled.report, config.threads);
  return filled;
}

bool are_equal(const LatentCache& a, const LatentCache& b, const TrainingData& data, bool flipped = false) {
  for (int i = 0; i < static_cast<int>(data.samples.size()); ++i)
    if (a.latents(i, false) != b.latents(i, false) || (flipped && a.latents(i, true) != b.latents(i, true)))
      return false;
  return true;
}

}  // namespace

TEST_CASE("training from latents on the disk equals training from memory bit for bit, made now or before") {
  TrainingRun run;
  for (int i = 0; i < 5; ++i) {  // the left half of each is transparent
    const std::string picture = run.folder.path(concat_text("pics/1_cat/", i, ".png"));
    Image image = read_image(picture, Alpha::require);
    for (size_t p = 0; p < image.pixels.size() / 4; ++p) image.pixels[p * 4 + 3] = p % 64 < 32 ? 0 : 200;
    write_png(picture, image);
  }
  run.config.data.defaults.subset.flip_aug = true;
  run.config.data.defaults.subset.alpha_mask = true;
  run.config.loss.masked_loss = true;
  std::ostringstream out;
  const auto train = [&] {
    out.str("");
    return weights(run.train(out).file);
  };
  const auto cache_file = [&](int i) {
    return run.folder.path(concat_text("pics/1_cat/", i, i < 2 ? "_0128x0064_sd.npz" : "_0064x0064_sd.npz"));
  };
  const auto in_memory = train();
  CHECK(contains(out.str(), "caching latents 5/5, "));
  CHECK(contains(out.str(), "latents of 5 pictures"));
  CHECK(!fs::exists(cache_file(0)));
  run.config.data.cache_latents_to_disk = true;
  CHECK(train() == in_memory);
  CHECK(contains(out.str(), "5 made"));
  for (int i = 0; i < 5; ++i) CHECK(fs::exists(cache_file(i)));
  CHECK(train() == in_memory);
  CHECK(contains(out.str(), "5 read from disk, 0 made"));
  fs::remove(cache_file(1));
  run.config.data.vae_batch_size = 3;
  CHECK(train() == in_memory);
  CHECK(contains(out.str(), "4 read from disk, 1 made"));
  run.config.data.skip_cache_check = true;
  CHECK(train() == in_memory);
  run.config.run.seed = 8;
  CHECK(train() != in_memory);
  CHECK(contains(out.str(), "5 read from disk"));
}

TEST_CASE("latents are made anew when the picture, the VAE or its type is another, and only then") {
  const Folder folder;
  for (int i = 0; i < 3; ++i) folder.picture(i, 64, i);
  const TrainingData data = load_dataset(dataset(folder));
  const Filled first = fill(data, vae());
  CHECK(first.report.made == 3);
  CHECK(fill(data, vae()).report.read == 3);

  folder.picture(1, 64, 99);  // of the same size, and perhaps within the same second
  const Filled edited = fill(data, vae());
  CHECK(edited.report.read == 2);
  CHECK(edited.report.made == 1);
  CHECK(contains(edited.text,
                 "made anew: " + folder.path("pics/1_cat/1_0064x0064_sd.npz") + ": its picture has changed"));
  CHECK(edited.cache.latents(1, false) != first.cache.latents(1, false));
  CHECK(edited.cache.latents(2, false) == first.cache.latents(2, false));
  CHECK(fill(data, vae()).report.read == 3);

  Vae other(2);
  CHECK(other.digest != vae().digest);
  const Filled of_other = fill(data, other);
  CHECK(of_other.report.made == 3);
  CHECK(contains(of_other.text, "and 2 more: another VAE made it"));
  CHECK(!are_equal(of_other.cache, edited.cache, data));
  CHECK(are_equal(fill(data, vae()).cache, edited.cache, data));

  LatentCacheConfig config{.to_disk = true, .compute = DType::bf16};
  CHECK(contains(fill(data, vae(), config).text, "computed in another type"));
}

TEST_CASE("mirrored latents are added when they are needed, and stay when they are not") {
  const Folder folder;
  folder.picture(0, 64, 0);
  fill(load_dataset(dataset(folder)), vae());
  const TrainingData flipping = load_dataset(dataset(folder, true));
  const Filled flipped = fill(flipping, vae());
  CHECK(contains(flipped.text, "no mirrored latents"));
  CHECK(flipped.cache.latents(0, true) != flipped.cache.latents(0, false));
  CHECK(fill(load_dataset(dataset(folder)), vae()).report.read == 1);
  CHECK(are_equal(fill(flipping, vae()).cache, flipped.cache, flipping, true));
}

TEST_CASE("filling that was stopped leaves whole files, and goes on with the pictures that are left") {
  const Folder folder;
  for (int i = 0; i < 6; ++i) folder.picture(i, i < 3 ? 64 : 128, i);
  const TrainingData data = load_dataset(dataset(folder));
  const Filled whole = fill(data, vae(), {});
  const Filled stopped = fill(data, vae(), {.to_disk = true}, 2);
  CHECK(stopped.report.made == 2);
  CHECK(folder.files(".npz").size() == 2);

  // A process that is gone, killed while it wrote.
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  std::ofstream(folder.path(concat_text("pics/1_cat/.3_0128x0064_sd.npz.", gone, ".7.tmp"))) << "half";
  std::ofstream(folder.path(concat_text("pics/1_cat/.mine.", gone, ".7.tmp"))) << "not Rankine's";
  const Filled rest = fill(data, vae());
  CHECK(rest.report.read == 2);
  CHECK(rest.report.made == 4);
  CHECK(rest.report.faults.refused.empty());
  CHECK(are_equal(rest.cache, whole.cache, data));
  CHECK(folder.files(".tmp") ==
        std::vector<std::string>{folder.path(concat_text("pics/1_cat/.mine.", gone, ".7.tmp"))});
}

TEST_CASE("a cache file cut short at any fiftieth of its length is said, made anew, and never trained from") {
  const Folder folder;
  folder.picture(0, 64, 0);
  const TrainingData data = load_dataset(dataset(folder));
  const Filled good = fill(data, vae());
  const std::string file = folder.files(".npz")[0];
  const auto whole = fs::file_size(file);
  for (int part = 0; part < 50; ++part) {
    CAPTURE(part);
    fs::resize_file(file, whole * static_cast<size_t>(part) / 50);
    const Filled again = fill(data, vae(), {.to_disk = true, .skip_check = part % 2 == 1});
    CHECK(again.report.made == 1);
    CHECK(contains(again.text, "made anew: " + file));
    CHECK(are_equal(again.cache, good.cache, data));
    CHECK(fs::file_size(file) == whole);
  }
}

TEST_CASE("a cache of sd-scripts' is used where the user says so, else made anew, with the same masks") {
  const Folder folder;
  const std::string picture = folder.path("pics/1_cat/rgba_square.png");
  fs::copy_file(golden::shipped_file("images/rgba_square.png"), picture);
  const auto recorded = golden::shipped_file("caches/rgba_square_0096x0096_sd.npz");
  DatasetConfig config = dataset(folder, true, true);
  config.datasets[0].options.resolution = Size{128, 128};
  config.datasets[0].options.bucket_no_upscale = false;
  const TrainingData data = load_dataset(config);
  const std::vector<float> theirs = NpzFile::open(recorded.string()).read("latents").as_f32();

  for (const char* name : {"pics/1_cat/rgba_square_0096x0096_sd.npz", "pics/1_cat/rgba_square.npz"}) {
    CAPTURE(name);
    fs::copy_file(recorded, folder.path(name), fs::copy_options::overwrite_existing);
    const Filled used = fill(data, vae(), {.to_disk = true, .skip_check = true});
    CHECK(used.report.read == 1);
    CHECK(used.cache.latents(0, false)[4] == theirs[1]);
    const Filled made = fill(data, vae());
    CHECK(made.report.made == 1);
    CHECK(made.cache.mask(0, false) == used.cache.mask(0, false));
    CHECK(made.cache.mask(0, true) == used.cache.mask(0, true));
    CHECK(made.cache.mask(0, true) != made.cache.mask(0, false));
    if (contains(name, "_sd")) CHECK(contains(made.text, "does not tell"));
    for (const std::string& file : folder.files(".npz"))
      if (file != folder.path("pics/1_cat/rgba_square.npz")) fs::remove(file);
  }
}

TEST_CASE("what the disk refuses is said and stays in memory; a broken picture stops the filling by name") {
  const Folder folder;
  for (int i = 0; i < 3; ++i) folder.picture(i, 64, i);
  const TrainingData data = load_dataset(dataset(folder));
  const Filled whole = fill(data, vae(), {});
  fs::create_directories(folder.path("pics/1_cat/1_0064x0064_sd.npz/taken"));
  const Filled refused = fill(data, vae());
  CHECK(are_equal(refused.cache, whole.cache, data));
  CHECK(contains(refused.text, "kept in memory only: " + folder.path("pics/1_cat/1_0064x0064_sd.npz")));
  CHECK(fill(data, vae()).report.read == 2);

  std::ofstream(folder.path("pics/1_cat/2.png")) << "no picture any more";
  CHECK_THROWS_WITH_AS(fill(data, vae()), doctest::Contains("pics/1_cat/2.png"), Error);
}

TEST_CASE("threads change no latent") {
  const Folder folder;
  for (int i = 0; i < 7; ++i) folder.picture(i, i < 4 ? 64 : 128, i);
  const TrainingData data = load_dataset(dataset(folder, true));
  const Filled one = fill(data, vae(), {.threads = 1});
  for (const int threads : {2, 3, 8})
    CHECK(are_equal(fill(data, vae(), {.threads = threads}).cache, one.cache, data, true));
  CHECK(one.cache.bytes() == 2 * (4 * 8 * 8 * 4 + 3 * 8 * 16 * 4) * 4);
}
