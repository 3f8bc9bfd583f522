#include "data/latent_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/log.h"
#include "data/prefetch.h"
#include "data/temporary_folder.h"

using namespace rankine;
using rankine::test::TemporaryFolder;

namespace {

SubsetSection subset(const TemporaryFolder& folder, const std::string& name, bool flip) {
  SubsetSection s{.image_dir = folder.path(name), .name = name};
  s.options.flip_aug = flip;
  s.options.class_tokens = "cat";
  return s;
}

DatasetSection dataset(Size resolution, std::vector<SubsetSection> subsets) {
  DatasetSection d;
  d.options.resolution = resolution;
  d.subsets = std::move(subsets);
  return d;
}

}  // namespace

TEST_CASE("pictures used alike are planned once, and each size of a picture has its place in one file") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  const std::string a = folder.picture("pics/a.png", 70, 64), b = folder.picture("pics/b.png", 64, 64, 1);
  const TrainingData data = load_dataset({.datasets = {
                                              dataset({64, 64}, {subset(folder, "pics", false)}),
                                              dataset({64, 64}, {subset(folder, "pics", true)}),
                                              dataset({128, 128}, {subset(folder, "pics", false)}),
                                          }});
  REQUIRE(data.samples.size() == 6);
  const LatentPlan plan = plan_latents(data, true);
  REQUIRE(plan.items.size() == 4);
  CHECK(plan.without_file.empty());
  for (size_t i = 0; i < data.samples.size(); ++i) {
    const LatentItem& item = plan.items[static_cast<size_t>(plan.item_of_sample[i])];
    CHECK(data.samples[static_cast<size_t>(item.sample)].path == data.samples[i].path);
    CHECK(item.recipe.bucket == data.samples[i].place.bucket);
    CHECK(item.needs.flipped == (item.recipe.bucket == Size{64, 64}));  // one of the two datasets wants it
    CHECK(item.file == latent_file_path(data.samples[i].path, data.samples[i].size, data.latents));
  }
  CHECK(std::ranges::is_sorted(plan.items, {}, [](const LatentItem& item) { return item.recipe.bucket; }));
  for (const LatentItem& item : plan_latents(data, false).items) CHECK(item.file.empty());
}

TEST_CASE("two pictures whose names differ in the suffix alone do not share a file") {
  log::set_level(log::Level::error);
  const TemporaryFolder folder;
  folder.picture("pics/a.png", 64, 64);
  const std::string other = folder.picture("pics/a.PNG", 64, 64, 1);
  const TrainingData data = load_dataset({.datasets = {dataset({64, 64}, {subset(folder, "pics", false)})}});
  const LatentPlan plan = plan_latents(data, true);
  REQUIRE(plan.items.size() == 2);
  CHECK(plan.items[0].file.empty() != plan.items[1].file.empty());
  CHECK(plan.without_file.size() == 1);
}

TEST_CASE("things made ahead come in order, never more at once than allowed, and a fault comes in its place") {
  std::atomic<int> begun = 0;
  int taken = 0;
  std::atomic<int> most = 0;
  {
    Prefetch<int> work(100, 4, 6, [&](int i) {
      ++begun;
      if (i == 50) fail("fifty");
      return i * i;
    });
    for (int i = 0; i < 80; ++i) {
      most = std::max(most.load(), begun.load() - taken);
      if (i == 50)
        CHECK_THROWS_WITH_AS(work.next(), "fifty", Error);
      else
        CHECK(work.next() == i * i);
      ++taken;
    }
  }                  // ends though not all was taken
  CHECK(most <= 7);  // one may begin between the count and the comparison
  CHECK(begun <= 80 + 6);
}
