#include "data/latent_plan.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace rankine {
namespace {

LatentRecipe recipe_of(const TrainingData& data, const Sample& sample) {
  const SubsetOptions& options = data.subset_of(sample).options;
  LatentRecipe recipe;
  recipe.size = sample.size;
  recipe.resized = sample.place.resized;
  recipe.bucket = sample.place.bucket;
  recipe.latents = data.latents;
  recipe.interpolation = options.resize_interpolation.value_or("");
  recipe.alpha = options.alpha_mask;
  recipe.orientation = sample.orientation;
  return recipe;
}

/// Assigns every item its file.
void give_files(LatentPlan& plan, const TrainingData& data) {
  std::map<std::string, std::vector<const LatentItem*>> by_file;
  for (LatentItem& item : plan.items) {
    const std::string& picture = data.samples[static_cast<size_t>(item.sample)].path;
    const std::string file = latent_file_path(picture, item.recipe.size, data.latents);
    std::vector<const LatentItem*>& others = by_file[file];
    const bool is_taken = std::ranges::any_of(others, [&](const LatentItem* other) {
      return data.samples[static_cast<size_t>(other->sample)].path != picture ||
             other->recipe.bucket == item.recipe.bucket;
    });
    if (is_taken) {
      plan.without_file.push_back(picture);
      continue;
    }
    item.file = file;
    others.push_back(&item);
  }
}

}  // namespace

LatentPlan plan_latents(const TrainingData& data, bool to_disk) {
  LatentPlan plan;
  using Key = std::tuple<Size, std::string, Size, std::string, bool>;
  const auto key_of = [&](const Sample& sample) {
    const LatentRecipe recipe = recipe_of(data, sample);
    return Key{recipe.bucket, sample.path, recipe.resized, recipe.interpolation, recipe.alpha};
  };
  std::map<Key, LatentItem> items;
  for (size_t i = 0; i < data.samples.size(); ++i) {
    const Sample& sample = data.samples[i];
    const SubsetOptions& options = data.subset_of(sample).options;
    const auto [entry, is_new] = items.try_emplace(key_of(sample));
    LatentItem& item = entry->second;
    if (is_new) {
      item.sample = static_cast<int>(i);
      item.recipe = recipe_of(data, sample);
    }
    item.needs.flipped = item.needs.flipped || options.flip_aug;
    item.needs.alpha_mask = options.alpha_mask;
  }
  for (auto& [key, item] : items) plan.items.push_back(std::move(item));
  // Keeps items of one size and one kind together: they are encoded in batches.
  std::ranges::stable_sort(plan.items, {},
                           [](const LatentItem& item) { return std::pair(item.recipe.bucket, item.needs.flipped); });
  std::map<Key, int> index;
  for (size_t i = 0; i < plan.items.size(); ++i)
    index[key_of(data.samples[static_cast<size_t>(plan.items[i].sample)])] = static_cast<int>(i);
  for (const Sample& sample : data.samples) plan.item_of_sample.push_back(index.at(key_of(sample)));
  if (to_disk) give_files(plan, data);
  return plan;
}

}  // namespace rankine
