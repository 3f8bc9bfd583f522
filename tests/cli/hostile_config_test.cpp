// Config files (--config_file) that are wrong on purpose.
#include "cli/train_options.h"
#include "data/temporary_folder.h"
#include "support/hostile.h"

using namespace rankine;
using namespace std::string_literals;
using test::check_cut_and_changed;
using test::check_refused;
using test::HostileFile;
using test::repeated;
using test::TemporaryFolder;

namespace {

const std::vector<HostileFile> files = {
    {"UTF-16", "\xff\xfes\0e\0"s, "is UTF-16"},
    {"a zero byte", "seed = 1\0"s, "zero byte"},
    {"Latin-1", "output_name = \"caf\xe9\"", "not UTF-8"},
    {"seventeen megabytes", "#" + std::string(17 << 20, 'x'), "is it the right one?"},
    {"a key without a value", "\nseed =\n", ":2: this is not valid TOML"},
    {"a text without an end", "output_name = \"a\n", ":1: this is not valid TOML"},
    {"a megabyte without an end", "output_name = \"" + std::string(1 << 20, 'x'), ":1: this is not valid TOML"},
    {"a list without an end", "network_args = [\"conv_dim=4\"", "this is not valid TOML"},
    {"a section without an end", "[train\nseed = 1\n", ":1: this is not valid TOML"},
    {"a key twice", "seed = 1\nseed = 2\n", ":2: this is not valid TOML"},
    {"JSON", "{\"seed\": 1}", ":1: this is not valid TOML"},
    {"YAML", "seed: 1\n", ":1: this is not valid TOML"},
    {"a command line", "--seed 1 --max_train_steps 10\n", ":1: this is not valid TOML"},
    {"Windows' path in plain quotes", "output_dir = \"C:\\Users\\me\"", ":1: this is not valid TOML"},
    {"a hundred thousand dots", repeated("a.", 100'000) + "a = 1", "too deep"},
    {"a hundred thousand lists", "seed = " + std::string(100'000, '['), "too deep"},
    {"a text for a number", "seed = \"one\"", ":1: seed: expected a whole number"},
    {"a text of a megabyte for a number", "seed = \"" + std::string(1 << 20, '1') + "\"", ":1: seed: expected"},
    {"an empty text for a number", "max_train_steps = \"\"", ":1: max_train_steps: expected a whole number"},
    {"a fraction for a whole number", "max_train_steps = 1.5", "expected a whole number"},
    {"a date", "seed = 2026-01-01", "expected text, a number"},
    {"a time", "seed = 12:00:00", "expected text, a number"},
    {"a table", "seed = {a = 1}", ":1: a is no known setting"},
    {"a bool for a number", "seed = true", "takes a value, got true"},
    {"a number for a bool", "shuffle_caption = 1", "expected true or false, got 1"},
    {"a text for a bool", "shuffle_caption = \"true\"", "expected true or false"},
    {"a list for a number", "seed = [1, 2]", "expected one value, got a list"},
    {"an empty list for a text", "output_name = []", "expected one value, got a list"},
    {"a list of lists", "network_args = [[\"conv_dim=4\"]]", "expected text, a number"},
    {"a list of tables", "network_args = [{a = 1}]", "expected text, a number"},
    {"a section in a section", "[a.b]\nseed = 1\n", "b is no known setting"},
    {"infinity", "learning_rate = inf", ":1: learning_rate: expected a number, got \"inf\""},
    {"not a number", "learning_rate = nan", ":1: learning_rate: expected a number, got \"nan\""},
    {"a number that is too large for its type", "train_batch_size = 9223372036854775807", "out of range"},
    {"an unknown choice", "lr_scheduler = \"magic\"", "is no choice"},
    {"a choice of a megabyte", "lr_scheduler = \"" + std::string(1 << 20, 'x') + "\"", "is no choice"},
    {"another config file", "config_file = \"x\"", "a config file cannot name another"},
    {"itself", "config_file = \"c.toml\"", "a config file cannot name another"},
    {"what is not supported", "deepspeed = true", "not supported yet"},
    {"a key of a megabyte", std::string(1 << 20, 'k') + " = 1", "is no known setting"},
    {"an empty key", "\"\" = 1", "is no known setting"},
};

/// Reads the file; what it leaves out with a warning is told as an error is.
void read(const std::string& path) {
  Messages messages;
  read_train_options({"--config_file", path}, messages);
  if (!messages.warnings.empty()) fail(messages.warnings[0]);
}

}  // namespace

TEST_CASE("each of forty hostile config files is an error or a warning that names the file and what is wrong") {
  CHECK(files.size() >= 40);
  const TemporaryFolder folder;
  const std::string path = folder.path("c.toml");
  check_refused(files, path, [&] { read(path); });
}

TEST_CASE("a config file cut at any byte, or with any byte changed, is read or refused") {
  const TemporaryFolder folder;
  const std::string path = folder.path("c.toml");
  check_cut_and_changed(
      "[a]\nseed = 3\nlearning_rate = 1e-4\nshuffle_caption = true\nnetwork_args = [\"conv_dim=4\"]\n", path,
      [&] { read(path); });
}
