#include "cli/help.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "data/dataset_keys.h"

namespace rankine {
namespace {

std::string joined(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

/// "--seed INT", "--loss_type l2", "--xformers".
std::string usage(const Flag& flag) {
  std::string names = flag.name;
  for (const std::string& alias : flag.aliases) names += ", " + alias;
  constexpr size_t few = 4;
  if (flag.kind == FlagKind::toggle) return names;
  if (!flag.choices.empty() && flag.choices.size() <= few) return names + " " + joined(flag.choices, "|");
  switch (flag.kind) {
    case FlagKind::integer:
      return names + " N";
    case FlagKind::number:
      return names + " X";
    case FlagKind::list:
      return names + " ...";
    default:
      return names + " TEXT";
  }
}

bool has_default(const Flag& flag) {
  return flag.kind != FlagKind::toggle && flag.default_text != "None" && !flag.default_text.empty();
}

std::string description(const Flag& flag) {
  std::string text = flag.help;
  if (flag.choices.size() > 4) text += ": " + joined(flag.choices, ", ");
  if (has_default(flag)) text += " [" + flag.default_text + "]";
  return text;
}

void write_entry(std::string& out, const std::string& left, const std::string& right, int width) {
  constexpr size_t column = 36;
  std::string line = "  " + left;
  if (line.size() + 2 > column) {
    out += line + '\n';
    line.clear();
  }
  line.resize(column, ' ');
  out += line + wrapped(right, column, static_cast<size_t>(width)) + '\n';
}

void write_built(std::string& out, const FlagGroup& group, int width) {
  bool has_title = false;
  for (const Flag& flag : group.flags) {
    if (flag.status != FlagStatus::built) continue;
    if (!has_title) out += "\n" + group.title + ":\n";
    has_title = true;
    write_entry(out, usage(flag), description(flag), width);
  }
}

void write_names(std::string& out, const FlagTable& table, FlagStatus status, const std::string& title, int width) {
  std::vector<std::string> names;
  for (const FlagGroup& group : table)
    for (const Flag& flag : group.flags)
      if (flag.status == status) names.push_back(flag.name);
  if (names.empty()) return;
  out += "\n" + title + ":\n  " + wrapped(joined(names, " "), 2, static_cast<size_t>(width)) + '\n';
}

/// Escapes bars, which would end a Markdown cell.
std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result;
}

std::string code_list(const std::vector<std::string>& values) {
  std::vector<std::string> codes;
  for (const std::string& value : values) codes.push_back("`" + value + "`");
  return joined(codes, ", ");
}

std::string status_text(const Flag& flag) {
  switch (flag.status) {
    case FlagStatus::no_effect:
      return "no effect: " + flag.note;
    case FlagStatus::refused: {
      std::string text = "not yet";
      if (!flag.off.empty()) text += "; " + code_list(flag.off) + " is taken as unset";
      return flag.note.empty() ? text : text + "; " + flag.note;
    }
    case FlagStatus::built:
      break;
  }
  std::string text = "yes";
  if (!flag.choices.empty()) text += ": " + code_list(flag.choices);
  if (!flag.later.empty()) text += "; not yet: " + code_list(flag.later);
  return text;
}

std::string default_cell(const Flag& flag) {
  if (flag.kind == FlagKind::toggle) return "off";
  if (flag.default_text == "None") return "unset";
  return flag.default_text.empty() ? "empty" : "`" + flag.default_text + "`";
}

}  // namespace

std::string wrapped(const std::string& text, size_t indent, size_t width) {
  std::istringstream words(text);
  std::string result, word;
  size_t column = indent;
  while (words >> word) {
    const bool first = result.empty();
    if (!first && column + 1 + word.size() > width) {
      result += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string help_text(const FlagTable& table, int width) {
  std::string out;
  for (const FlagGroup& group : table) write_built(out, group, width);
  write_names(out, table, FlagStatus::no_effect, "Accepted, with nothing to do", width);
  write_names(out, table, FlagStatus::refused, "Known and not supported yet", width);
  return out;
}

std::string help_markdown(const FlagTable& table) {
  size_t built = 0, idle = 0, refused = 0;
  for (const FlagGroup& group : table)
    for (const Flag& flag : group.flags)
      ++(flag.status == FlagStatus::built ? built : flag.status == FlagStatus::no_effect ? idle : refused);
  std::string out = concat_text(
      "# Flags of `rankine train`\n\n"
      "Written by `rankine help --markdown`; the tables it is made from are in `src/cli/flags/`.\n\n"
      "Names, defaults and rules are those of sd-scripts' `train_network.py`: any unambiguous prefix of a name will "
      "do, "
      "`--flag=value` too, and the last of equal flags counts. Each flag is also a key of `--config_file`, without its "
      "dashes; the command line wins.\n\n",
      built, " flags are built, ", idle, " are accepted and have nothing to do, ", refused,
      " are known and stop the run as not supported yet, unless their value means \"off\". The last column names the "
      "key of "
      "the saved LoRA's metadata that stores the value.\n");
  for (const FlagGroup& group : table) {
    out += "\n## " + group.title +
           "\n\n| flag | takes | default | meaning | supported | stored as |\n| --- | --- | --- | --- | --- | --- |\n";
    for (const Flag& flag : group.flags) {
      const std::string takes = flag.kind == FlagKind::toggle ? "" : std::string(name_of(flag.kind));
      out += concat_text("| `", flag.name, "` | ", takes, " | ", default_cell(flag), " | ", cell(flag.help), " | ",
                         cell(status_text(flag)), " | ", flag.metadata_key.empty() ? "" : "`" + flag.metadata_key + "`",
                         " |\n");
    }
  }
  return out;
}

std::string dataset_keys_markdown() {
  std::string out =
      "\n# Keys of dataset files\n\n"
      "What a `--dataset_config` file may say, in TOML or in JSON; the table it is made from is "
      "`src/data/dataset_toml.cpp`. A subset's key overrides its dataset's, a dataset's `[general]`, and `[general]` "
      "the "
      "command line. Any other key is an error that names the nearest one.\n\n"
      "| key | where | takes | meaning | supported |\n| --- | --- | --- | --- | --- |\n";
  for (const DatasetKeyInfo& key : dataset_keys())
    out += concat_text("| `", key.name, "` | ", key.where, " | ", key.takes, " | ", cell(key.meaning), " | ",
                       cell(key.supported), " |\n");
  return out;
}

}  // namespace rankine
