#include "cli/gui_preset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/shortened.h"
#include "cli/settings_kind.h"
#include "cli/shell_text.h"
#include "io/json_fault.h"
#include "io/nesting.h"
#include "io/python_text.h"
#include "text/text_file.h"

namespace rankine {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

struct Renamed {
  std::string_view preset, flag;
};
constexpr std::array renamed = {
    Renamed{"optimizer", "optimizer_type"},
    Renamed{"max_resolution", "resolution"},
    Renamed{"lora_network_weights", "network_weights"},
};

// Settings of the network that sd-scripts takes inside --network_args; those of convolutions only if they train.
constexpr std::array network_args = {"block_dims",
                                     "block_alphas",
                                     "conv_block_dims",
                                     "conv_block_alphas",
                                     "down_lr_weight",
                                     "mid_lr_weight",
                                     "up_lr_weight",
                                     "block_lr_zero_threshold",
                                     "rank_dropout",
                                     "module_dropout",
                                     "loraplus_lr_ratio",
                                     "loraplus_unet_lr_ratio",
                                     "loraplus_text_encoder_lr_ratio"};
constexpr std::array conv_args = {"conv_dim", "conv_alpha"};

// Switches of the interface for models of other families.
struct Family {
  std::string_view key, name;
};
constexpr std::array other_families = {
    Family{"flux1_checkbox", "FLUX.1"},
    Family{"sd3_checkbox", "SD 3"},
    Family{"lumina_checkbox", "Lumina"},
    Family{"anima_checkbox", "Anima"},
    Family{"hunyuan_image_checkbox", "HunyuanImage"},
};

// A setting of the preset does not count where the command line sets another one that it would outweigh.
struct Yields {
  std::string_view setting;
  std::vector<std::string_view> to;
};
const std::vector<Yields>& yielding_settings() {
  static const std::vector<Yields> table = {
      {"max_train_epochs", {"max_train_steps"}},
      {"network_train_unet_only", {"text_encoder_lr", "network_train_text_encoder_only"}},
      {"network_train_text_encoder_only", {"unet_lr", "network_train_unet_only"}},
      {"optimizer_type", {"use_8bit_adam", "use_lion_optimizer"}},
      {"use_8bit_adam", {"optimizer_type", "use_lion_optimizer"}},
      {"use_lion_optimizer", {"optimizer_type", "use_8bit_adam"}},
      {"lr_scheduler_type", {"lr_scheduler"}},
      {"dim_from_weights", {"network_dim", "network_alpha"}},
      {"dataset_config", {"train_data_dir", "in_json"}},
      {"in_json", {"train_data_dir"}},
      {"caption_extention", {"caption_extension"}},
      {"sample_every_n_epochs", {"sample_every_n_steps"}},
      {"save_n_epoch_ratio", {"save_every_n_epochs"}},
      {"initial_step", {"initial_epoch"}},
      {"full_fp16", {"full_bf16"}},
      {"full_bf16", {"full_fp16"}},
  };
  return table;
}

/// "512" for "512.0": the interface's fields for numbers write both.
std::string whole_text(const std::string& text) {
  const std::optional<double> number = parse_number(text);
  const bool is_fraction = !number || std::abs(*number) >= 1e15 || *number != std::floor(*number);
  return is_fraction ? text : std::to_string(static_cast<int64_t>(*number));
}

class Preset {
 public:
  Preset(const std::string& path, const json& values) : path_(path), values_(values) {}

  /// The value as the command line writes it; empty if the preset does not set it.
  Texts texts(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return {};
    Texts all;
    if (!found->is_array()) return one_text(key, *found, all), all;
    for (const json& item : *found) one_text(key, item, all);
    return all;
  }
  std::string text(const std::string& key) const {
    const Texts all = texts(key);
    check(all.size() <= 1, path_, ": ", shortened(key), ": expected one value, got a list");
    return all.empty() ? "" : all[0];
  }
  bool is_set(const std::string& key) const {
    const Texts all = texts(key);
    return !all.empty() && !(all.size() == 1 && parse_truth(all[0]) == false);
  }

 private:
  void one_text(const std::string& key, const json& value, Texts& out) const {
    if (value.is_null() || (value.is_boolean() && !value.get<bool>())) return;
    if (value.is_boolean()) {
      out.emplace_back("true");
    } else if (value.is_number_integer()) {
      out.push_back(value.dump());
    } else if (value.is_number()) {  // whole numbers are often written as 1.0
      out.push_back(whole_text(python_float(value.get<double>())));
    } else {
      check(value.is_string(), path_, ": ", shortened(key),
            ": expected text, a number, true, false, or a list of them");
      const std::string text = value.get<std::string>();
      if (!text.empty() && text != "None") out.push_back(text);
    }
  }

  const std::string& path_;
  const json& values_;
};

/// The preset as flags without dashes, and a list of its other settings.
class Translation {
 public:
  /// `line` has the flags that count after the preset.
  Translation(const FlagTable& table, const std::string& path, const json& values, const std::vector<Occurrence>& line)
      : table_(table), path_(path), values_(values), preset_(path, values) {
    for (const Occurrence& given : line) line_.insert(given.flag->key());
  }

  struct Setting {
    const Flag* flag;
    Texts texts;
    std::string key;  // in the preset
  };

  void run() {
    check_is_preset();
    for (const auto& [key, name] : other_families)
      check(!preset_.is_set(std::string(key)), path_, ": the preset is for ", name, ", which is not supported yet (",
            key, ")");
    add_family();
    add_network();
    add_rates();
    add_length();
    add_noise();
    add_lists();
    add_attention();
    add_optimizer();
    add_prompts();
    add_file_kind();
    for (const auto& [key, value] : values_.items()) add_plain(key);
    std::erase_if(settings_, [&](const Setting& setting) { return yields(setting); });
  }
  const std::vector<Setting>& settings() const { return settings_; }
  const Texts& left_out() const { return left_out_; }
  /// The prompts themselves; nullopt where a file of them is named.
  const std::optional<std::string>& prompts() const { return prompts_; }
  const std::string& script() const { return script_; }

 private:
  void done(std::initializer_list<std::string> keys) { done_.insert(keys.begin(), keys.end()); }

  void add(const std::string& flag, Texts texts, const std::string& key) {
    const Flag* found = find_flag(table_, "--" + flag);
    check(found, path_, ": no flag --", flag);
    settings_.push_back({found, std::move(texts), key});
  }

  /// kohya_ss starts another script for SDXL, and hands these two settings to that one alone.
  void add_family() {
    const bool sdxl = preset_.is_set("sdxl");
    if (values_.contains("sdxl")) script_ = sdxl ? "sdxl_train_network.py" : "train_network.py";
    for (const auto& [key, flag] : {std::pair{"sdxl_cache_text_encoder_outputs", "cache_text_encoder_outputs"},
                                    {"sdxl_no_half_vae", "no_half_vae"}})
      if (sdxl && preset_.is_set(key)) add(flag, {"true"}, key);
    done({"sdxl", "sdxl_cache_text_encoder_outputs", "sdxl_no_half_vae"});
  }

  /// Presets are flat; other programs' files have tables, and none of our settings beside them.
  void check_is_preset() const {
    bool has_table = false, has_flag = false;
    for (const auto& [key, value] : values_.items()) {
      has_table = has_table || value.is_object();
      has_flag = has_flag || find_flag(table_, "--" + key);
    }
    check(!has_table || has_flag, path_,
          ": this is no preset of kohya_ss: it has none of sd-scripts' settings; is it another program's file?");
  }

  bool yields(const Setting& setting) const {
    for (const auto& [name, to] : yielding_settings())
      if (name == setting.flag->key())
        return std::ranges::any_of(to, [&](std::string_view other) { return line_.contains(other); });
    return false;
  }

  void add_network() {
    const std::string type = preset_.text("LoRA_type");
    const bool with_conv = type == "Kohya LoCon" || type == "LoCon";
    check(type.empty() || type == "Standard" || with_conv, path_, ": LoRA_type: \"", shortened(type),
          "\" is not supported; there are \"Standard\" and \"Kohya LoCon\"");
    Texts args = shell_words(preset_.text("network_args"));
    const auto add_if_set = [&](const std::string& key) {
      if (preset_.is_set(key)) args.push_back(key + "=" + preset_.text(key));
      done_.insert(key);
    };
    for (const char* key : network_args) add_if_set(key);
    for (const char* key : conv_args) {
      if (with_conv) add_if_set(key);
      done_.insert(key);
    }
    if (!args.empty()) add("network_args", args, "LoRA_type");
    done({"LoRA_type", "network_args"});
  }

  void add_rates() {
    const Texts text_encoder = preset_.texts("text_encoder_lr");
    const bool trains_text = preset_.is_set("text_encoder_lr"), trains_unet = preset_.is_set("unet_lr");
    if (trains_unet) add("unet_lr", {preset_.text("unet_lr")}, "unet_lr");
    if (trains_text) add("text_encoder_lr", text_encoder, "text_encoder_lr");
    // A preset without these keys does not choose the trained parts.
    if (trains_unet && !trains_text && values_.contains("text_encoder_lr"))
      add("network_train_unet_only", {"true"}, "text_encoder_lr");
    if (trains_text && !trains_unet && values_.contains("unet_lr"))
      add("network_train_text_encoder_only", {"true"}, "unet_lr");
    done({"unet_lr", "text_encoder_lr"});
  }

  void add_length() {
    if (preset_.is_set("epoch") && !preset_.is_set("max_train_epochs") && !preset_.is_set("max_train_steps"))
      add("max_train_epochs", {whole_text(preset_.text("epoch"))}, "epoch");
    if (preset_.is_set("lr_warmup") && !preset_.is_set("lr_warmup_steps"))
      add("lr_warmup_steps", {preset_.text("lr_warmup") + "%"}, "lr_warmup");
    done({"epoch", "lr_warmup"});
  }

  void add_noise() {
    const std::string type = preset_.text("noise_offset_type");
    if (type == "Original") done({"multires_noise_iterations", "multires_noise_discount"});
    if (type == "Multires") done({"noise_offset", "adaptive_noise_scale", "noise_offset_random_strength"});
    done({"noise_offset_type"});
  }

  void add_lists() {
    for (const std::string key : {"optimizer_args", "lr_scheduler_args"}) {
      Texts words;
      for (const std::string& text : preset_.texts(key))
        std::ranges::copy(shell_words(text), std::back_inserter(words));
      if (!words.empty()) add(key, words, key);
      done_.insert(key);
    }
  }

  void add_attention() {
    const std::string which = preset_.text("xformers");
    if (which == "xformers" || parse_truth(which) == true) add("xformers", {"true"}, "xformers");
    if (which == "sdpa") add("sdpa", {"true"}, "xformers");
    done({"xformers", "additional_parameters"});
  }

  void add_optimizer() {
    // Presets from before there was a choice of optimizers say use_8bit_adam; where both stand, the choice counts.
    if (preset_.is_set("optimizer") || preset_.is_set("optimizer_type")) done({"use_8bit_adam", "use_lion_optimizer"});
    if (preset_.is_set("use_wandb") && !preset_.is_set("log_with")) add("log_with", {"wandb"}, "use_wandb");
    done({"use_wandb"});
  }

  /// The interface writes the text to a file and passes that on, also where the text is empty.
  void add_prompts() {
    const std::string text = preset_.text("sample_prompts");
    const bool is_name =
        text.ends_with(".txt") || text.ends_with(".toml") || text.ends_with(".json") || text.starts_with("~/");
    if (is_name && text.find('\n') == text.npos) return;
    prompts_ = text;
    done({"sample_prompts"});
  }

  void add_file_kind() {
    const std::string kind = preset_.text("save_model_as");
    // The interface shows the kinds of whole models, too, and takes safetensors for a LoRA instead.
    if (kind == "same as source model" || kind == "diffusers" || kind == "diffusers_safetensors")
      done({"save_model_as"});
  }

  void add_plain(const std::string& key) {
    if (done_.contains(key)) return;
    const auto other = std::ranges::find(renamed, key, &Renamed::preset);
    const Flag* flag = find_flag(table_, "--" + (other == renamed.end() ? key : std::string(other->flag)));
    if (!flag) {
      if (preset_.is_set(key)) left_out_.push_back(key);
      return;
    }
    // For other settings the interface shows 0 if it passes nothing on.
    static const std::set<std::string_view> zero_counts = {"learning_rate", "max_data_loader_n_workers",
                                                           "max_grad_norm", "network_alpha", "prior_loss_weight"};
    if (!preset_.is_set(key) && !(zero_counts.contains(key) && !preset_.texts(key).empty())) return;
    Texts texts = preset_.texts(key);
    if (flag->kind == FlagKind::integer)
      for (std::string& text : texts) text = whole_text(text);
    settings_.push_back({flag, std::move(texts), key});
  }

  const FlagTable& table_;
  const std::string& path_;
  const json& values_;
  Preset preset_;
  std::set<std::string, std::less<>> line_, done_;
  std::vector<Setting> settings_;
  Texts left_out_;
  std::optional<std::string> prompts_;
  std::string script_;
};

std::vector<SettingKey> keys_of(const json& values) {
  std::vector<SettingKey> keys;
  for (const auto& [key, value] : values.items())
    keys.push_back({key, value.is_object()  ? SettingKey::Shape::table
                         : value.is_array() ? SettingKey::Shape::list
                                            : SettingKey::Shape::value});
  return keys;
}

json read_object(const std::string& path) {
  std::error_code unknown;
  check(std::filesystem::is_regular_file(path, unknown), path, ": no such config file");
  const std::string text = read_text_file(path, kLongestSettings).text;
  check_nesting(text, path);
  try {
    json values = json::parse(text);
    check(values.is_object(), path, ": expected a JSON object of settings");
    refuse_other_settings(keys_of(values), path);
    return values;
  } catch (const json::exception& error) {
    fail(path, ": this is not valid JSON: ", json_fault(error.what()), other_syntax_hint(text, Syntax::json));
  }
}

GuiPreset assigned_by(const FlagTable& table, const std::string& path, const std::vector<Occurrence>& line,
                      std::vector<std::string>& notes, std::vector<std::string>& warnings) {
  const json values = read_object(path);
  const Preset preset(path, values);
  const Arguments more = split_arguments(table, shell_words(preset.text("additional_parameters")));
  check(more.positionals.empty(), path, ": additional_parameters: unexpected \"",
        more.positionals.empty() ? "" : shortened(more.positionals[0]), "\"; flags start with --");
  std::vector<Occurrence> later = more.flags;
  later.insert(later.end(), line.begin(), line.end());
  Translation translation(table, path, values, later);
  translation.run();
  GuiPreset result{.assigned = {}, .prompts = translation.prompts(), .script = translation.script()};
  for (const auto& [flag, texts, key] : translation.settings()) {
    const std::string where = path + ": " + shortened(key);
    check(flag->key() != "config_file", where, ": a config file cannot name another");
    check(flag->kind == FlagKind::list || texts.size() == 1, where, ": expected one value, got a list");
    refuse_escapes(*flag, texts, where);
    result.assigned.push_back({flag, texts});
    assign(*flag, texts, where, notes);
  }
  assign_all(more, notes);
  result.assigned.insert(result.assigned.end(), more.flags.begin(), more.flags.end());

  for (const char* key : {"stop_text_encoder_training", "stop_text_encoder_training_pct"})
    if (preset.is_set(key))
      warnings.push_back(
          concat_text(path, ": ", key, " is left out: sd-scripts' train_network.py has no such setting"));
  std::string names;
  for (const std::string& key : translation.left_out()) names += (names.empty() ? "" : ", ") + key;
  if (!names.empty()) notes.push_back(path + ": left out, as these are no settings of train_network.py: " + names);
  return result;
}

}  // namespace

GuiPreset assign_gui_preset(const FlagTable& table, const std::string& path, const std::vector<Occurrence>& line,
                            std::vector<std::string>& notes, std::vector<std::string>& warnings) {
  try {
    return assigned_by(table, path, line, notes, warnings);
  } catch (const Error& error) {  // an error in one of its texts does not name the file
    const std::string text = error.what();
    fail(text.starts_with(path) ? "" : path + ": ", text);
  }
}

}  // namespace rankine
