#include "run/text_cache.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "io/atomic_file.h"
#include "io/sha256.h"
#include "run/fixed_captions.h"
#include "step/weights_digest.h"
#include "text/clip_tokenizer.h"

namespace rankine {
namespace {

/// The states of both text encoders side by side, [count, width1 + width2].
ConditionNumbers joined(const TextOutputs& outputs, const TextOutputRecipe& recipe) {
  std::vector<float> states;
  states.reserve(outputs.hidden1.size() + outputs.hidden2.size());
  for (int64_t i = 0; i < recipe.count; ++i) {
    const auto first = outputs.hidden1.begin() + i * recipe.width1,
               second = outputs.hidden2.begin() + i * recipe.width2;
    states.insert(states.end(), first, first + recipe.width1);
    states.insert(states.end(), second, second + recipe.width2);
  }
  return {std::move(states), outputs.pooled};
}

TextOutputs parted(const ConditionNumbers& condition, const TextOutputRecipe& recipe) {
  TextOutputs outputs{.pooled = condition[1]};
  const int64_t width = recipe.width1 + recipe.width2;
  for (int64_t i = 0; i < recipe.count; ++i) {
    const auto begin = condition[0].begin() + i * width, middle = begin + recipe.width1;
    outputs.hidden1.insert(outputs.hidden1.end(), begin, middle);
    outputs.hidden2.insert(outputs.hidden2.end(), middle, begin + width);
  }
  return outputs;
}

}  // namespace

void check_text_cache(const TrainConfig& config, const Model& model, const TrainingData& data) {
  if (!config.data.cache_text_encoder_outputs && !config.data.cache_text_encoder_outputs_to_disk) return;
  if (!model.text_output_widths()) return;
  check(!config.network.trains_text_encoder(),
        "--cache_text_encoder_outputs: encoded captions cannot be kept while the text encoders are trained; add "
        "--network_train_unet_only, or leave --cache_text_encoder_outputs out");
  for (const Dataset& dataset : data.datasets)
    for (const SubsetSection& subset : dataset.section.subsets) {
      const CaptionSettings& c = subset.options.caption;
      const char* varies = c.shuffle                 ? "shuffle_caption"
                           : c.dropout_rate > 0      ? "caption_dropout_rate"
                           : c.tag_dropout_rate > 0  ? "caption_tag_dropout_rate"
                           : c.token_warmup_step > 0 ? "token_warmup_step"
                           : c.enable_wildcard       ? "enable_wildcard"
                                                     : nullptr;
      check(!varies, "--cache_text_encoder_outputs: ", varies ? varies : "",
            " changes captions during training, so their encoded form cannot be kept; leave one of the two out");
    }
}

TextCache::TextCache(const RunPlan& plan, ConstantSource& constants) : trust_(plan.config.data.skip_cache_check) {
  const Model& model = *plan.step.model;
  const int64_t chunks = token_chunks(plan.config.model.max_token_length);
  const TextOutputWidths widths = model.text_output_widths().value();
  const TextOutputRecipe recipe{.towers = text_encoder_digest(constants, model),
                                .compute = plan.step.compute,
                                .count = model.condition({.chunks = chunks})[0].shape[0],
                                .width1 = widths.first,
                                .width2 = widths.second,
                                .pooled = widths.pooled};
  std::map<std::string, std::string> caption_of;  // by file
  std::set<std::string> folders;
  for (const Sample& sample : plan.data.samples) {
    Item item{.file = text_output_file_path(sample.path), .recipe = recipe, .ids = {}};
    item.recipe.caption = fixed_caption(sample, plan.data);
    const auto [known, is_new] = caption_of.emplace(item.file, item.recipe.caption);
    if (!is_new) {
      if (known->second != item.recipe.caption) faults_.without_file.push_back(sample.path);
      continue;
    }
    item.ids = model.tokenize(item.recipe.caption, chunks, plan.config.model.weighted_captions).ids;
    item.recipe.tokens = sha256_hex(std::as_bytes(std::span(item.ids)));
    folders.insert(std::filesystem::path(item.file).parent_path().string());
    items_.push_back(std::move(item));
  }
  for (const std::string& folder : folders) remove_abandoned_files(folder, "", "_te_outputs.npz");
}

void TextCache::read(TrainingStep& step) {
  std::error_code ignored;
  for (Item& item : items_) {
    if (!std::filesystem::exists(item.file, ignored)) continue;
    const TextOutputsRead found = read_text_output_file(item.file, item.recipe, trust_);
    item.is_read = found.outputs.has_value();
    if (item.is_read)
      step.keep_caption(item.ids, joined(*found.outputs, item.recipe));
    else
      faults_.refused[found.reason].push_back(item.file);
  }
}

void TextCache::write(TrainingStep& step) {
  for (const Item& item : items_) {
    if (item.is_read) continue;
    try {
      write_text_output_file(item.file, item.recipe, parted(step.caption_states(item.ids), item.recipe));
    } catch (const Error& error) {
      if (faults_.unwritten++ == 0) faults_.write_fault = error.what();
    }
  }
}

std::string TextCache::report_text() const {
  const auto read = static_cast<size_t>(std::ranges::count_if(items_, &Item::is_read));
  std::string text = concat_text("encoded captions of ", items_.size() + faults_.without_file.size(), " pictures: ");
  if (read > 0) text += concat_text(read, " read from disk, ");
  text += concat_text(items_.size() - read, " made\n");
  return text + faults_text(faults_, "encoded captions");
}

}  // namespace rankine
