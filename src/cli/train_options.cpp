#include "cli/train_options.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/shortened.h"
#include "cli/arguments.h"
#include "cli/config_file.h"
#include "cli/gui_preset.h"
#include "cli/misplaced.h"
#include "io/python_text.h"

namespace rankine {
namespace {

/// Sets the fields that depend on several flags.
void finish(TrainOptions& options) {
  TrainConfig& c = options.config;
  c.data.cache_latents = c.data.cache_latents || c.data.cache_latents_to_disk;
  if (options.caption_extention) c.data.defaults.subset.caption_extension = *options.caption_extention;
  LrScheduleConfig& schedule = c.optim.lr_schedule;
  if (!schedule.lr_scheduler_type.empty()) {
    schedule.lr_scheduler_args = options.lr_scheduler_args;
    return;
  }
  for (const std::string& setting : options.lr_scheduler_args) {
    constexpr std::string_view step_rules = "step_rules=";
    check(setting.compare(0, step_rules.size(), step_rules) == 0, "--lr_scheduler_args: \"", setting,
          "\" is not supported with --lr_scheduler ", schedule.name,
          "; only step_rules=... of piecewise_constant is, and all settings of a --lr_scheduler_type");
    schedule.step_rules = setting.substr(step_rules.size());
  }
}

/// Flags as they were written, the last of each; no secrets.
NamedTexts texts_of(const std::vector<Occurrence>& given) {
  NamedTexts settings;
  for (const Occurrence& one : given) {
    std::string text = one.texts.empty() && one.flag->kind == FlagKind::toggle ? "true" : "";
    for (const std::string& part : one.texts) text += (text.empty() ? "" : " ") + part;
    if (is_secret(*one.flag)) text = "(not shown)";
    std::erase_if(settings, [&](const auto& other) { return other.first == one.flag->key(); });
    settings.emplace_back(one.flag->key(), text);
  }
  return settings;
}

void note_trackers(const TrackerConfig& c, std::vector<std::string>& notes) {
  if (c.log_with && *c.log_with != "tensorboard")
    notes.push_back("--log_with " + *c.log_with +
                    ": nothing is sent to Weights and Biases; metrics.jsonl and report.html " +
                    (c.writes_events() ? "in --output_dir and TensorBoard's files have every value"
                                       : "in --output_dir have every value, --logging_dir adds TensorBoard's files"));
}

bool names(const std::vector<Occurrence>& given, std::string_view key) {
  return std::any_of(given.begin(), given.end(), [&](const Occurrence& one) { return one.flag->key() == key; });
}

/// Assigns the settings of the config file or preset at `path`. `line` has the flags of the command line, which count
/// after it.
std::vector<Occurrence> assign_named_file(TrainOptions& options, const FlagTable& table, const std::string& path,
                                          const std::vector<Occurrence>& line, Messages& messages) {
  const NamedConfig file = find_config_file(path);
  check_config_file(file, path);
  if (!file.is_preset) return assign_config_file(table, file.path, messages.notes, messages.warnings);
  GuiPreset preset = assign_gui_preset(table, file.path, line, messages.notes, messages.warnings);
  if (preset.prompts && !names(line, "sample_prompts") && !names(preset.assigned, "sample_prompts")) {
    options.config.preview.sample_prompts = "";
    options.config.preview.prompt_lines = PromptLines{file.path + ": sample_prompts", *preset.prompts};
  }
  options.config.model.script = preset.script;
  return preset.assigned;
}

}  // namespace

void Messages::write() const {
  std::set<std::string> seen;
  for (const std::string& text : warnings)
    if (seen.insert(text).second) log::warning(text);
  for (const std::string& text : notes)
    if (seen.insert(text).second) log::info(text);
}

TrainOptions read_train_options(const std::vector<std::string>& args, Messages& messages, const FlagGroup& more) {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  FlagTable all = table;
  all.push_back(more);
  const Arguments arguments = split_arguments(all, args);
  for (const std::string& word : arguments.positionals) {
    const bool has_long_dash = word.starts_with("\u2013") || word.starts_with("\u2014");
    check(!has_long_dash, "unexpected argument \"", shortened(word),
          "\"; its dash is a long one, as text programs write it: flags start with two short ones, --");
    const std::string flag = flag_of_file(word);
    fail("unexpected argument \"", shortened(word), "\"; ",
         flag.empty() ? "flags start with --" : concat_text("it is given as ", flag, " ", shortened(word)));
  }

  const auto& flags = arguments.flags;
  const auto named =
      std::find_if(flags.rbegin(), flags.rend(), [](const Occurrence& o) { return o.flag->name == "--config_file"; });
  const bool writes =
      std::any_of(flags.begin(), flags.end(), [](const Occurrence& o) { return o.flag->name == "--output_config"; });
  check(!writes || named != flags.rend(), "--output_config needs --config_file, the file to write");
  std::vector<Occurrence> given;
  if (!writes && named != flags.rend()) {
    check(!named->texts[0].empty(),
          "--config_file: expected a path, got an empty text; leave it out if it is not meant");
    given =
        assign_named_file(options, table, home_path(named->texts[0], "--config_file", messages.notes), flags, messages);
  }
  assign_all(arguments, messages.notes);
  given.insert(given.end(), flags.begin(), flags.end());
  options.output_config = writes;  // in a config file it means nothing
  if (writes) options.config_text = config_text(flags);
  finish(options);
  note_trackers(options.config.tracker, messages.notes);
  options.config.settings = texts_of(given);
  options.config.given_flags = given_flags(table);
  return options;
}

std::map<std::string, std::string> given_flags(const FlagTable& table) {
  TrainOptions untouched;
  const FlagTable defaults = train_flags(untouched);
  std::map<std::string, std::string> given;
  for (const FlagGroup& group : table)
    for (const Flag& flag : group.flags) {
      const std::string text = value_text(flag);
      if (flag.effect == Effect::numbers && text != value_text(*find_flag(defaults, flag.name)))
        given[flag.key()] = text;
    }
  return given;
}

log::Level log_level(const std::string& name) {
  if (name == "DEBUG") return log::Level::debug;
  if (name == "INFO") return log::Level::info;
  return name == "WARNING" ? log::Level::warning : log::Level::error;
}

}  // namespace rankine
