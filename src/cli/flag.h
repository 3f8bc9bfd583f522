#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rankine {

/// The values of a flag: `toggle` takes none (argparse's store_true), `list` zero or more, the others exactly one.
enum class FlagKind { toggle, integer, number, text, list };

enum class FlagStatus {
  built,      ///< sets a field of a config struct
  no_effect,  ///< accepted, nothing to do: `note` says why
  refused,    ///< stops with "not supported yet", except at a value that means "off"
};

/// How the value of one of a run's flags counts when two runs are compared: is it the same run, may it be continued?
enum class Effect {
  numbers,  ///< it changes the run's numbers: the values are compared
  source,   ///< it names a file, data or a state: what it names is compared (run/run_identity.h)
  none,     ///< it changes no number
};

/// For values that need their own parser, such as "10%". `set` throws Error with what was expected.
struct CustomValue {
  FlagKind kind;
  std::string default_text;
  std::function<void(const std::string&)> set;
  std::function<std::string()> text = {};  ///< the field's value as text; flags that change numbers have it
  std::function<void()> reset = {};        ///< sets the field to its default; without it an empty value is an error
};

/// The field that a built flag sets. The field's value when the table is made is the flag's default.
using FlagTarget = std::variant<std::monostate, bool*, int*, int64_t*, double*, std::string*, std::optional<int>*,
                                std::optional<int64_t>*, std::optional<double>*, std::optional<std::string>*,
                                std::vector<std::string>*, std::vector<double>*, CustomValue>;

/// One command-line flag, which is also a key of `--config_file`. Made by the functions below.
struct Flag {
  std::string name;  ///< "--seed"
  FlagStatus status = FlagStatus::built;
  FlagKind kind = FlagKind::text;
  std::string default_text;  ///< as Python prints it: "None", "false", "1e-06"; empty for an empty string or list
  std::string help;
  std::string note;                  ///< why it has no effect, or what to use while it is refused
  std::vector<std::string> aliases;  ///< other names, also with dashes
  std::vector<std::string> choices;  ///< accepted values; empty: any
  std::vector<std::string> later;    ///< known values that are refused as not supported yet
  std::vector<std::string> off;      ///< values that mean "off", so a refused flag accepts them
  bool ignore_case = false;          ///< choices are compared without regard to case and stored as listed
  bool is_path = false;              ///< the value is, or the values are, files or folders
  bool is_filled = false;            ///< an empty text is an error instead of "not set"
  FlagTarget target;
  std::function<void()> reset;   ///< sets the field to its default; null for an empty text that is an error
  std::optional<Effect> effect;  ///< every flag of `train` has one
  std::string metadata_key;      ///< the key of the saved LoRA's metadata that stores the value; empty: none

  std::string key() const { return name.substr(2); }  ///< the config file's key: "seed"
  bool matches(std::string_view option) const;

  Flag choose(std::string_view comma_list) &&;  ///< accepted values
  Flag choose(std::vector<std::string> values) &&;
  Flag planned(std::string_view comma_list) &&;
  Flag or_off(std::string_view comma_list) &&;
  Flag alias(std::string_view other_name) &&;
  Flag initially(std::string_view default_value) &&;  ///< a refused flag's default, which it accepts
  Flag recorded(std::string_view key = {}) &&;        ///< in the LoRA's metadata; without a key as "ss_" + key()
  Flag any_case() &&;
  Flag path() &&;    ///< see is_path
  Flag filled() &&;  ///< see is_filled
  Flag instead(std::string_view advice) &&;
};

/// A flag that sets a field.
Flag built(std::string_view name, FlagTarget target, std::string_view help);
/// The same for flags of `train`, one for each Effect: numbers, source, none.
Flag setting(std::string_view name, FlagTarget target, std::string_view help);
Flag source(std::string_view name, FlagTarget target, std::string_view help);
Flag option(std::string_view name, FlagTarget target, std::string_view help);
Flag no_effect(std::string_view name, FlagKind kind, std::string_view why, std::string_view help);
Flag refused(std::string_view name, FlagKind kind, std::string_view help);
/// `--device`, which every command that computes has.
Flag device_flag(std::string& device);

struct FlagGroup {
  std::string title;
  std::vector<Flag> flags;
};
using FlagTable = std::vector<FlagGroup>;

/// nullptr when no flag has exactly this name or alias. `option` starts with dashes.
const Flag* find_flag(const FlagTable& table, std::string_view option);

/// Refuses the paths of a file's setting that hold a tab or another control character: they were written with
/// backslashes inside double quotes. Throws Error that shows how to write them.
void refuse_escapes(const Flag& flag, const std::vector<std::string>& texts, const std::string& where);

/// The path with the home folder for a leading "~"; adds a line to `notes` then.
std::string home_path(const std::string& path, const std::string& where, std::vector<std::string>& notes);

/// Assigns a flag its value; no text at all means "true" for a toggle. An empty text means "not set": the field gets
/// its default, and a number that has one adds a line to `notes`. In a list empty texts do not count. Error messages
/// begin with `where`: "--seed" or "config.toml:14: seed". A flag without effect adds one line to `notes`. Throws Error
/// when the value cannot be parsed, is no choice, is not supported yet, or is empty where that is an error.
void assign(const Flag& flag, const std::vector<std::string>& texts, const std::string& where,
            std::vector<std::string>& notes);

/// The value of the flag's field as Python prints it, lists with spaces between; empty where it is not set or has no
/// text.
std::string value_text(const Flag& flag);

/// The kind's name in the documentation: "flag", "int", "float", "str", "list".
std::string_view name_of(FlagKind kind);

std::vector<std::string> split_list(std::string_view text, char separator = ',');

/// The whole text as a finite number, or nullopt.
std::optional<int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

/// A switch's value: true, false, 1 and 0, also as 1.0 and in any case; an empty text is false. Otherwise nullopt.
std::optional<bool> parse_truth(std::string_view text);

}  // namespace rankine
