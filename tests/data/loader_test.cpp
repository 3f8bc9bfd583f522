#include "data/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "data/resize.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

namespace {

/// Two folders with pictures of two shapes; batches of two, flips, shuffled and dropped captions.
struct Fixture {
  TemporaryFolder folder;
  TrainingData data;

  explicit Fixture(double dropout = 0.3) {
    log::set_level(log::Level::error);
    for (int i = 0; i < 5; ++i) {
      const std::string name = "3_cat/" + std::to_string(i);
      folder.picture(name + ".png", i % 2 ? 64 : 128, 64, i);
      folder.text(name + ".txt", "one, two, three, four, five");
    }
    for (int i = 0; i < 3; ++i) folder.picture("1_dog/" + std::to_string(i) + ".png", 64, 64, 10 + i);
    folder.picture("reg/1_animal/r.png", 64, 64, 20);
    DataDefaults defaults;
    defaults.dataset = {.resolution = Size{64, 64},
                        .batch_size = 2,
                        .enable_bucket = true,
                        .min_bucket_reso = 32,
                        .max_bucket_reso = 128,
                        .bucket_reso_steps = 32};
    defaults.subset.caption_extension = ".txt";
    defaults.subset.flip_aug = true;
    defaults.subset.caption.shuffle = true;
    defaults.subset.caption.keep_tokens = 1;
    defaults.subset.caption.dropout_rate = dropout;
    std::filesystem::create_directories(folder.path("train"));
    std::filesystem::rename(folder.path("3_cat"), folder.path("train/3_cat"));
    std::filesystem::rename(folder.path("1_dog"), folder.path("train/1_dog"));
    data = load_dataset(dataset_from_folders(folder.path("train"), folder.path("reg"), defaults));
  }

  std::vector<Batch> take(LoaderConfig config, int64_t count) const {
    Loader loader(data, config);
    std::vector<Batch> batches;
    for (int64_t i = 0; i < count; ++i) batches.push_back(loader.next());
    return batches;
  }
};

bool same(const Batch& a, const Batch& b) {
  return a.epoch == b.epoch && a.index == b.index && a.bucket == b.bucket && a.samples == b.samples &&
         a.flipped == b.flipped && a.images == b.images && a.captions == b.captions &&
         a.loss_weights == b.loss_weights && a.files == b.files;
}

}  // namespace

TEST_CASE("the batches are the same for any number of threads and any length of the queue") {
  const Fixture f;
  const int64_t count = 3 * f.data.batches_per_epoch();
  const std::vector<Batch> expected = f.take({.seed = 7, .threads = 1, .queue_batches = 1}, count);
  for (const int threads : {2, 5}) {
    const std::vector<Batch> batches = f.take({.seed = 7, .threads = threads, .queue_batches = threads + 1}, count);
    for (int64_t i = 0; i < count; ++i) {
      CAPTURE(threads);
      CAPTURE(i);
      CHECK(same(batches[i], expected[i]));
    }
  }
}

TEST_CASE("a loader that begins later gives the same batches from there on") {
  const Fixture f;
  const int64_t per_epoch = f.data.batches_per_epoch();
  const std::vector<Batch> all = f.take({.seed = 7}, per_epoch + 4);
  const std::vector<Batch> rest = f.take({.seed = 7, .first_batch = per_epoch + 1}, 3);
  for (int i = 0; i < 3; ++i) CHECK(same(rest[i], all[per_epoch + 1 + i]));
}

TEST_CASE("every epoch draws each sample exactly its repeats, in batches of one bucket, in another order") {
  const Fixture f;
  const int64_t per_epoch = f.data.batches_per_epoch();
  const std::vector<Batch> batches = f.take({.seed = 1, .decode_images = false}, 2 * per_epoch);
  std::vector<std::vector<int>> orders;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::map<int, int> drawn;
    std::vector<int> order;
    for (int64_t i = 0; i < per_epoch; ++i) {
      const Batch& batch = batches[epoch * per_epoch + i];
      CHECK(batch.epoch == epoch);
      CHECK(batch.index == i);
      CHECK(batch.images.empty());
      CHECK(batch.samples.size() <= 2);
      for (size_t k = 0; k < batch.samples.size(); ++k) {
        const int sample = batch.samples[k];
        ++drawn[sample];
        order.push_back(sample);
        CHECK(f.data.samples[sample].place.bucket == batch.bucket);
        CHECK(f.data.samples[sample].path == batch.files[k]);
      }
    }
    for (size_t s = 0; s < f.data.samples.size(); ++s) CHECK(drawn[static_cast<int>(s)] == f.data.samples[s].repeats);
    orders.push_back(order);
  }
  CHECK(orders[0] != orders[1]);
}

TEST_CASE("another seed gives another order, and flips and captions vary between draws") {
  const Fixture f;
  const int64_t count = 10 * f.data.batches_per_epoch();
  const std::vector<Batch> a = f.take({.seed = 1, .decode_images = false}, count);
  const std::vector<Batch> b = f.take({.seed = 2, .decode_images = false}, count);
  int unequal = 0, flipped = 0, drawn = 0, dropped = 0;
  std::map<std::string, int> captions;
  for (int64_t i = 0; i < count; ++i) {
    unequal += a[i].samples != b[i].samples;
    for (size_t k = 0; k < a[i].samples.size(); ++k) {
      ++drawn;
      flipped += a[i].flipped[k];
      if (!a[i].files[k].ends_with(".png") || a[i].files[k].find("3_cat") == std::string::npos) continue;
      dropped += a[i].captions[k].empty();
      if (a[i].captions[k].empty()) continue;
      ++captions[a[i].captions[k]];
      CHECK(a[i].captions[k].starts_with("one, "));  // keep_tokens
    }
  }
  CHECK(unequal > 0);
  CHECK(flipped > drawn / 3);
  CHECK(flipped < drawn * 2 / 3);
  CHECK(dropped > 0);
  CHECK(captions.size() > 5);
}

TEST_CASE("the flags for flips and the pictures agree") {
  const Fixture f;
  for (const Batch& batch : f.take({.seed = 4}, f.data.batches_per_epoch())) {
    const size_t length = static_cast<size_t>(batch.bucket.width) * batch.bucket.height * 3;
    for (size_t k = 0; k < batch.samples.size(); ++k) {
      const std::vector<float> expected = load_sample(f.data, batch.samples[k], batch.flipped[k]);
      REQUIRE(expected.size() == length);
      CHECK(
          std::equal(expected.begin(), expected.end(), batch.images.begin() + static_cast<std::ptrdiff_t>(k * length)));
    }
  }
}

TEST_CASE("regularisation pictures carry the prior loss weight") {
  const Fixture f;
  int reg = 0;
  for (const Batch& batch : f.take({.decode_images = false, .prior_loss_weight = 0.25}, f.data.batches_per_epoch()))
    for (size_t k = 0; k < batch.samples.size(); ++k) {
      const bool is_reg = f.data.samples[batch.samples[k]].is_reg;
      reg += is_reg;
      CHECK(batch.loss_weights[k] == (is_reg ? 0.25f : 1.0f));
    }
  CHECK(reg == f.data.train_images());  // one picture, stretched to as many draws as there are of the others
}

TEST_CASE("the queue never holds more batches than it may, and nothing is made past the end") {
  const Fixture f;
  Loader loader(f.data, {.threads = 3, .queue_batches = 2, .end_batch = 3});
  for (int i = 0; i < 3; ++i) {
    CHECK(loader.has_next());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(loader.queued() <= 2);
    CHECK(loader.next().waited_seconds >= 0);
  }
  CHECK_FALSE(loader.has_next());
  CHECK(loader.queued() == 0);
  CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("no batch left"), Error);
}

TEST_CASE("a picture that vanishes or changes during training stops the loader with its name, at its batch") {
  for (const bool removed : {true, false}) {
    const Fixture f;
    const std::string victim = f.data.samples[0].path;
    if (removed) {
      std::filesystem::remove(victim);
    } else {
      f.folder.picture(std::filesystem::relative(victim, f.folder.path()).string(), 40, 40);
    }
    Loader loader(f.data, {.threads = 2});
    std::string text;
    bool before = true;  // batches without the victim come first, as they would with one thread
    for (int64_t i = 0; i < f.data.batches_per_epoch() && text.empty(); ++i) {
      try {
        const Batch batch = loader.next();
        before = before && std::ranges::find(batch.files, victim) == batch.files.end();
      } catch (const Error& error) {
        text = error.what();
      }
    }
    CHECK(before);
    CHECK(text.find(victim) != std::string::npos);
    CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains(victim.c_str()), Error);
  }
}

TEST_CASE("a loader that is dropped with work under way ends its threads") {
  const Fixture f;
  Loader loader(f.data, {.threads = 4, .queue_batches = 8});
  loader.next();
}

TEST_CASE("an alpha mask is the picture's alpha, mirrored with it, and 1 where the file has none") {
  TemporaryFolder folder;
  folder.picture("train/1_cat/opaque.png", 64, 64);
  Image image{.width = 64, .height = 64, .channels = 4};
  for (int i = 0; i < 64 * 64; ++i)
    image.pixels.insert(image.pixels.end(), {10, 20, 30, static_cast<uint8_t>(i % 64 * 4)});
  write_png(folder.path("train/1_cat/shaded.png"), image);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{64, 64};
  defaults.subset.alpha_mask = true;
  const TrainingData data = load_dataset(dataset_from_folders(folder.path("train"), "", defaults));
  CHECK(load_mask(data, 0, false) == std::vector<float>(64 * 64, 1.0f));
  const std::vector<float> mask = load_mask(data, 1, false), mirrored = load_mask(data, 1, true);
  REQUIRE(mask.size() == 64 * 64);
  for (size_t i = 0; i < 64; ++i) {
    CHECK(mask[640 + i] == static_cast<float>(i * 4) / 255.0f);
    CHECK(mirrored[640 + i] == mask[640 + 63 - i]);
  }
  CHECK(load_sample(data, 1, false)[0] == doctest::Approx(10 / 127.5 - 1));
}
