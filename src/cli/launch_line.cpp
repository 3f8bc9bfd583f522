#include "cli/launch_line.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "cli/commands.h"
#include "models/family.h"

namespace rankine {
namespace {

constexpr std::string_view usual_script = "train_network.py";

/// True for a script that trains LoRAs of a family that is built.
bool is_built(std::string_view script) {
  return std::ranges::any_of(families(), [&](const Family* family) { return family->script == script; });
}

/// Other scripts of sd-scripts and their purposes.
struct OtherScript {
  std::string_view name, what;
};
constexpr std::array other_scripts = {
    OtherScript{"sd3_train_network.py", "trains LoRAs for SD 3, which is not supported"},
    OtherScript{"flux_train_network.py", "trains LoRAs for FLUX.1, which is not supported"},
    OtherScript{"lumina_train_network.py", "trains LoRAs for Lumina, which is not supported"},
    OtherScript{"train_db.py", "trains whole models"},
    OtherScript{"fine_tune.py", "trains whole models"},
    OtherScript{"sdxl_train.py", "trains whole models"},
    OtherScript{"train_textual_inversion.py", "trains embeddings"},
    OtherScript{"train_controlnet.py", "trains ControlNets"},
};

/// The file name of a path with slashes of either kind, without ".exe" (Windows' own search for a program gives
/// ".EXE").
std::string_view file_name(std::string_view path) {
  const size_t slash = path.find_last_of("/\\");
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  if (path.ends_with(".exe") || path.ends_with(".EXE")) path.remove_suffix(4);
  return path;
}

bool is_script(std::string_view word) { return !word.empty() && word[0] != '-' && word.ends_with(".py"); }

bool is_known_script(std::string_view word) {
  const std::string_view name = file_name(word);
  return is_built(name) || std::ranges::find(other_scripts, name, &OtherScript::name) != other_scripts.end();
}

/// Programs that start a script of Python's. A notebook's cell begins with "!".
bool starts_a_process(std::string_view word) {
  if (word.starts_with('!')) word.remove_prefix(1);
  const std::string_view name = file_name(word);
  for (const std::string_view launcher : {"accelerate", "accelerate-launch", "torchrun", "deepspeed", "ipexrun", "py"})
    if (name == launcher) return true;
  return name.starts_with("python");
}

bool is_environment(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == 0 || equals == std::string_view::npos || word[0] == '-') return false;
  return word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == equals;
}

/// Removes carriage returns, which another shell leaves at the ends of Windows' lines, and the carets and backticks
/// with which cmd.exe and PowerShell join lines.
std::vector<std::string> without_line_ends(const std::vector<std::string>& args) {
  std::vector<std::string> words;
  for (const std::string& arg : args) {
    std::string word = arg;
    while (word.ends_with("\r")) word.pop_back();
    const bool is_line_end = word == "^" || word == "`" || (word.empty() && !arg.empty());
    if (!is_line_end) words.push_back(std::move(word));
  }
  return words;
}

std::string wrong_script(std::string_view script) {
  const auto other = std::find_if(other_scripts.begin(), other_scripts.end(),
                                  [&](const OtherScript& o) { return o.name == file_name(script); });
  std::string built;
  for (const Family* family : families())
    if (built.find(family->script) == built.npos) built += concat_text(built.empty() ? "" : ", ", family->script);
  return concat_text(script,
                     other == other_scripts.end() ? " is none of sd-scripts' scripts that are known here"
                                                  : concat_text(" ", other->what),
                     "; LoRAs are trained by ", built, " or rankine train");
}

/// An option of a launcher with its value, or "true". Launchers treat "-" and "_" alike.
struct LauncherOption {
  std::string name, value;
};

std::vector<LauncherOption> launcher_options(const std::vector<std::string>& words) {
  std::vector<LauncherOption> options;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].substr(0, 2) != "--") continue;
    const size_t equals = words[i].find('=');
    LauncherOption option{words[i].substr(2, equals == std::string::npos ? equals : equals - 2), "true"};
    std::replace(option.name.begin(), option.name.end(), '-', '_');
    if (equals != std::string::npos) {
      option.value = words[i].substr(equals + 1);
    } else if (i + 1 < words.size() && words[i + 1][0] != '-') {
      option.value = words[++i];
    }
    options.push_back(std::move(option));
  }
  return options;
}

bool asks_for_several_processes(const LauncherOption& option) {
  if (option.name == "multi_gpu") return true;
  const bool counts = option.name == "num_processes" || option.name == "num_machines" ||
                      option.name == "nproc_per_node" || option.name == "nnodes";
  return counts && parse_number(option.value).value_or(2) > 1;
}

void tell_of(const std::vector<LauncherOption>& options, const LaunchLine& line, Messages& messages) {
  const std::vector<std::string>& flags = line.flags;
  std::string idle, several;
  for (const LauncherOption& option : options) {
    std::string& names = asks_for_several_processes(option) ? several : idle;
    if (option.name != "mixed_precision") names += (names.empty() ? "--" : ", --") + option.name;
    // sd-scripts passes its own --mixed_precision to accelerate, even its default "no", so accelerate's has no effect.
    const bool has_own = std::any_of(flags.begin(), flags.end(), [](const std::string& flag) {
      return flag.substr(0, 9) == "--mixed_p" || flag.substr(0, 13) == "--config_file";
    });
    if (option.name == "mixed_precision" && option.value != "no" && !has_own)
      messages.warnings.push_back(concat_text(
          "--mixed_precision ", option.value, " before ", line.script,
          " has no effect, with sd-scripts neither: this run computes in fp32. Write it behind ", line.script));
  }
  if (!several.empty())
    messages.warnings.push_back(
        several +
        ": this run is one process, so each step has the pictures of one, not of all; for the same number "
        "multiply --train_batch_size or --gradient_accumulation_steps by the number of processes");
  if (!idle.empty())
    messages.notes.push_back(idle + " before the script: no effect, the run is one process that uses all cores");
}

/// Where the script stands: after "-m" or "--module" it is a name without ".py".
std::vector<std::string>::const_iterator find_script(const std::vector<std::string>& words) {
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (is_script(*word)) return word;
    const bool is_module = word != words.begin() && (word[-1] == "-m" || word[-1] == "--module");
    if (is_module && is_known_script(word->substr(word->rfind('.') + 1) + ".py")) return word;
  }
  return words.end();
}

}  // namespace

std::optional<LaunchLine> parse_launch_line(const std::vector<std::string>& args, Messages& messages) {
  const std::vector<std::string> words = without_line_ends(args);
  const auto script = find_script(words);
  // Before the launcher stand any programs that start others, with their options: uv run, nohup, env A=b, nice -n 19.
  const auto launcher = std::find_if(words.begin(), script, [](const std::string& w) { return starts_a_process(w); });
  const bool begins = launcher != script && (script != words.end() || launcher == words.begin() ||
                                             std::all_of(words.begin(), launcher, is_environment));
  const bool is_line = begins || (script != words.end() && (script == words.begin() || is_known_script(*script)));
  const bool is_command = !words.empty() && is_command_name(words[0]);
  if (!is_line || is_command) return std::nullopt;
  check(script != words.end(), "\"", *launcher, "\" begins a line of sd-scripts, but no ", usual_script,
        " follows; rankine train takes the flags alone");
  const std::string name = script->ends_with(".py") ? *script : script->substr(script->rfind('.') + 1) + ".py";
  check(is_built(file_name(name)), wrong_script(name));
  LaunchLine line{std::string(file_name(name)), {script + 1, words.end()}};
  tell_of(launcher_options({begins ? launcher : script, script}), line, messages);
  return line;
}

}  // namespace rankine
