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
    {"JSON", "{\"seed\": 1}", "it looks like JSON: a preset's name ends in .json"},
    {"YAML", "seed: 1\n", "it looks like YAML"},
    {"a command line", "--seed 1 --max_train_steps 10\n", "it looks like a command line"},
    {"a web page", "<!DOCTYPE html>\n", "it looks like a web page"},
    {"Windows' path in plain quotes", "output_dir = \"C:\\Users\\me\"", ":1: this is not valid TOML"},
    {"a hundred thousand dots", repeated("a.", 100'000) + "a = 1", "too deep"},
    {"a hundred thousand lists", "seed = " + std::string(100'000, '['), "too deep"},
    {"a text for a number", "seed = \"one\"", ":1: seed: expected a whole number"},
    {"a text of a megabyte for a number", "seed = \"" + std::string(1 << 20, '1') + "\"", ":1: seed: expected"},
    {"a fraction for a whole number", "max_train_steps = 1.5", "expected a whole number"},
    {"a date", "seed = 2026-01-01", "expected text, a number"},
    {"a time", "seed = 12:00:00", "expected text, a number"},
    {"a table", "seed = {a = 1}", ":1: a is no known setting"},
    {"a bool for a number", "seed = true", "takes a value, got true"},
    {"a number for a bool", "shuffle_caption = 3", "expected true or false, got \"3\""},
    {"a fraction for a bool", "shuffle_caption = 0.5", "expected true or false, got \"0.5\""},
    {"a text of a megabyte for a size", "resolution = \"" + std::string(1 << 20, 'x') + "\"",
     "WIDTH,HEIGHT, got \"xxx"},
    {"a text of a megabyte for a range", "face_crop_aug_range = \"" + std::string(1 << 20, 'x') + "\"", "got \"xxx"},
    {"a text of a megabyte for a bool", "shuffle_caption = \"" + std::string(1 << 20, 'x') + "\"",
     "expected true or false"},
    {"a text for a bool", "shuffle_caption = \"on\"", "expected true or false"},
    {"an empty text for a file", "network_weights = \"\"", ":1: network_weights: expected a path, got an empty text"},
    {"Windows' path with a tab", "train_data_dir = \"D:\\training\\new\"",
     ":1: train_data_dir: \"D:\\training\\new\": inside double quotes \\t is a tab"},
    {"a dataset file", "[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"a\"", "give it with --dataset_config"},
    {"prompts", "[prompt]\n[[prompt.subset]]\nprompt = \"a\"", "give it with --sample_prompts"},
    {"LoRA_Easy_Training_Scripts", "[[subsets]]\n[general_args.args]\nseed = 1", "LoRA_Easy_Training_Scripts"},
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

const std::vector<HostileFile> presets = {
    {"nothing", "", "this is not valid JSON"},
    {"cut short", "{\"seed\": ", "this is not valid JSON"},
    {"a list", "[]", "expected a JSON object"},
    {"null", "null", "expected a JSON object"},
    {"UTF-16", "\xff\xfe{\0"s, "is UTF-16"},
    {"a zero byte", "{}\0"s, "zero byte"},
    {"Latin-1", "{\"output_name\": \"caf\xe9\"}", "not UTF-8"},
    {"a number that is too large", "{\"learning_rate\": 1e999}", "this is not valid JSON"},
    {"a million lists", "{\"a\": " + std::string(1'000'000, '['), "too deep"},
    {"lists that end", "{\"a\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}", "too deep"},
    {"an object for a text", "{\"output_name\": {}}", "output_name: expected text"},
    {"a list of lists", "{\"network_args\": [[\"a=1\"]]}", "network_args: expected text"},
    {"a list for a text", "{\"LoRA_type\": [\"a\", \"b\"]}", "LoRA_type: expected one value"},
    {"an unknown network", "{\"LoRA_type\": \"" + std::string(1 << 20, 'x') + "\"}", "LoRA_type: \"xxx"},
    {"a text for a number", "{\"seed\": \"one\"}", "seed: expected a whole number"},
    {"a text of a megabyte for a number", "{\"seed\": \"" + std::string(1 << 20, 'x') + "\"}",
     "expected a whole number"},
    {"a number beyond 63 bits", "{\"seed\": 18446744073709551615}", "got \"18446744073709551615\""},
    {"a number for a bool", "{\"shuffle_caption\": 3}", "expected true or false"},
    {"TOML", "seed = 1\n", "it looks like TOML"},
    {"OneTrainer's", "{\"training_method\": \"LORA\", \"base_model_name\": \"a\"}", "OneTrainer"},
    {"some other program's", "{\"net\": {\"rank\": 4}, \"steps\": 100}", "this is no preset of kohya_ss"},
    {"pictures' metadata", "{\"a/1.png\": {\"caption\": \"a\"}}", "give it with --in_json"},
    {"FLUX", "{\"flux1_checkbox\": true}", "FLUX.1, which is not supported yet"},
    {"two numbers for one", "{\"seed\": [1, 2]}", "expected one value"},
    {"SD 3", "{\"sd3_checkbox\": true}", "SD 3"},
    {"itself", "{\"config_file\": \"a.json\"}", "a config file cannot name another"},
    {"a quote that does not end", "{\"additional_parameters\": \"--output_name 'a\"}", "does not end"},
    {"a megabyte in a quote that does not end", "{\"additional_parameters\": \"'" + std::string(1 << 20, 'x') + "\"}",
     "does not end"},
    {"a quote that does not end in a list's text", "{\"optimizer_args\": \"a='1\"}", "does not end"},
    {"an unknown flag among the additional ones", "{\"additional_parameters\": \"--sed 3 --x\"}", "unknown flag"},
    {"an unknown flag of a megabyte", "{\"additional_parameters\": \"--" + std::string(1 << 20, 'x') + "\"}",
     "unknown flag"},
    {"a flag without its value", "{\"additional_parameters\": \"--seed\"}", "expected a value"},
    {"a wrong value of an additional flag", "{\"additional_parameters\": \"--seed x\"}", "expected a whole number"},
    {"a number of a megabyte that is too large",
     "{\"train_batch_size\": \"" + std::string(1 << 20, '0') + "3000000000\"}", "is out of range"},
    {"a word of a megabyte among the additional flags",
     "{\"additional_parameters\": \"" + std::string(1 << 20, 'x') + "\"}", "unexpected \"xxx"},
    {"a word among the additional flags", "{\"additional_parameters\": \"seed 3\"}", "unexpected \"seed\""},
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

TEST_CASE("each hostile preset of the graphical interface is an error that names the file and what is wrong") {
  CHECK(presets.size() >= 29);
  const TemporaryFolder folder;
  const std::string path = folder.path("p.json");
  check_refused(presets, path, [&] { read(path); });
  check_cut_and_changed(R"({"epoch": 2, "unet_lr": 0, "text_encoder_lr": "5e-5", "additional_parameters": "--seed 3"})",
                        path, [&] { read(path); });
}

TEST_CASE("a config file cut at any byte, or with any byte changed, is read or refused") {
  const TemporaryFolder folder;
  const std::string path = folder.path("c.toml");
  check_cut_and_changed(
      "[a]\nseed = 3\nlearning_rate = 1e-4\nshuffle_caption = true\nnetwork_args = [\"conv_dim=4\"]\n", path,
      [&] { read(path); });
}
