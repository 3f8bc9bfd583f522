#include "cli/train_options.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/config_file.h"
#include "data/temporary_folder.h"
#include "support/source_dir.h"

using namespace rankine;

namespace {

/// A config file that is gone with this object.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& content) {
    static int number = 0;
    stem_ = (std::filesystem::temp_directory_path() /
             ("rankine_config_" + std::to_string(getpid()) + "_" + std::to_string(number++)))
                .string();
    std::ofstream(path()) << content;
  }
  ~ConfigFile() { std::filesystem::remove(path()); }
  std::string path() const { return stem_ + ".toml"; }
  const std::string& stem() const { return stem_; }

 private:
  std::string stem_;
};

TrainConfig read(const std::vector<std::string>& args) {
  Messages messages;
  return read_train_options(args, messages).config;
}

std::optional<Size> resolution(const std::vector<std::string>& args) {
  return read(args).data.defaults.dataset.resolution;
}

TrainConfig read_file(const std::string& content, std::vector<std::string> args = {}) {
  const ConfigFile file(content);
  args.insert(args.begin(), {"--config_file", file.path()});
  return read(args);
}

}  // namespace

TEST_CASE("without flags every setting has sd-scripts' default") {
  const TrainConfig c = read({});
  CHECK(c.run.max_train_steps == 1600);
  CHECK(c.optim.learning_rate == 2e-6);
  CHECK(c.network.rank() == 4);
  CHECK(c.network.network_alpha == 1);
  CHECK(c.step.mixed_precision == "no");
  CHECK(c.data.defaults.subset.caption_extension == ".caption");
  CHECK_FALSE(c.data.defaults.dataset.enable_bucket);
  CHECK(c.save.name() == "last");
}

TEST_CASE("a command line as guides give it is read whole") {
  const TrainConfig c = read({"--pretrained_model_name_or_path",
                              "sd15.safetensors",
                              "--train_data_dir=pics",
                              "--output_dir",
                              "out",
                              "--output_name",
                              "cat",
                              "--resolution",
                              "512,768",
                              "--network_module",
                              "networks.lora",
                              "--network_dim=32",
                              "--network_alpha",
                              "16",
                              "--optimizer_type=AdamW",
                              "--optimizer_args",
                              "weight_decay=0.01",
                              "betas=0.9,0.99",
                              "--learning_rate=1e-4",
                              "--unet_lr=2e-4",
                              "--text_encoder_lr",
                              "5e-5",
                              "--lr_scheduler",
                              "cosine_with_restarts",
                              "--lr_warmup_steps",
                              "10%",
                              "--mixed_precision",
                              "bf16",
                              "--save_precision",
                              "fp16",
                              "--max_train_e",
                              "10",
                              "--xformers",
                              "--cache_latents",
                              "--enable_bucket",
                              "--min_snr_gamma",
                              "5",
                              "--seed",
                              "42",
                              "--max_token_length=225"});
  CHECK(c.model.pretrained_model_name_or_path == "sd15.safetensors");
  CHECK(c.data.train_data_dir == "pics");
  CHECK(c.network.network_dim == 32);
  CHECK(c.network.network_alpha == 16);
  CHECK(c.optim.optimizer_args == std::vector<std::string>{"weight_decay=0.01", "betas=0.9,0.99"});
  CHECK(c.optim.unet_rate() == 2e-4);
  CHECK(c.optim.text_encoder_rate() == 5e-5);
  CHECK(c.optim.lr_schedule.name == "cosine_with_restarts");
  CHECK(c.optim.lr_schedule.lr_warmup_steps.resolve(1000) == 100);
  CHECK(c.run.max_train_epochs == 10);
  CHECK(c.run.seed == 42);
  CHECK(c.loss.weighting.min_snr_gamma == 5);
  CHECK(c.model.max_token_length == 225);
  CHECK(c.save.save_precision == "fp16");
  CHECK_NOTHROW(check_train_config(c));
}

TEST_CASE("a resolution is one side, or width and height") {
  CHECK(resolution({"--resolution", "512"}) == Size{512, 512});
  CHECK(resolution({"--resolution", "512,768"}) == Size{512, 768});
  for (const char* bad : {"512x768", "512,", "1,2,3", "0", "-512", "99999999999"}) {
    CAPTURE(bad);
    CHECK_THROWS_WITH_AS(read({"--resolution", bad}), doctest::Contains("--resolution: "), Error);
  }
}

TEST_CASE("the old misspelling of caption_extension wins when given") {
  CHECK(read({"--caption_extension", ".a", "--caption_extention", ".b"}).data.defaults.subset.caption_extension ==
        ".b");
}

TEST_CASE("the settings of the network are read") {
  const TrainConfig c = read({"--network_args", "conv_dim=4", "conv_alpha=1", "--scale_weight_norms", "1.5",
                              "--network_weights", "first.safetensors", "--dim_from_weights"});
  CHECK(c.network.network_args == std::vector<std::string>{"conv_dim=4", "conv_alpha=1"});
  CHECK(c.network.scale_weight_norms == 1.5);
  CHECK(c.network.dim_from_weights);
  CHECK(read_file("network_args = [\"conv_dim=8\"]").network.network_args == std::vector<std::string>{"conv_dim=8"});
}

TEST_CASE("the settings of loss and noise are read") {
  const LossConfig c = read({"--loss_type",
                             "smooth_l1",
                             "--huber_schedule=exponential",
                             "--huber_c",
                             "0.2",
                             "--huber_scale",
                             "1.5",
                             "--noise_offset",
                             "0.05",
                             "--noise_offset_random_strength",
                             "--adaptive_noise_scale",
                             "0.01",
                             "--multires_noise_iterations",
                             "6",
                             "--multires_noise_discount",
                             "0.2",
                             "--ip_noise_gamma",
                             "0.1",
                             "--zero_terminal_snr",
                             "--ip_noise_gamma_random_strength",
                             "--min_timestep",
                             "10",
                             "--max_timestep",
                             "900"})
                           .loss;
  CHECK(c.loss_type == "smooth_l1");
  CHECK(c.huber_schedule == "exponential");
  CHECK(c.huber_c == 0.2);
  CHECK(c.huber_scale == 1.5);
  CHECK(c.noise.noise_offset == 0.05);
  CHECK(c.noise.noise_offset_random_strength);
  CHECK(c.noise.adaptive_noise_scale == 0.01);
  CHECK(c.noise.multires_noise_iterations == 6);
  CHECK(c.noise.multires_noise_discount == 0.2);
  CHECK(c.noise.ip_noise_gamma == 0.1);
  CHECK(c.noise.ip_noise_gamma_random_strength);
  CHECK(c.noise.zero_terminal_snr);
  CHECK(c.noise.min_timestep == 10);
  CHECK(c.noise.max_timestep == 900);
}

TEST_CASE("flags that change a run's numbers are told apart from those that do not, wherever they were given") {
  const std::map<std::string, std::string> given =
      read({"--seed=1", "--output_dir=a", "--save_state", "--learning_rate", "1e-3", "--v_pred_like_loss=0.5",
            "--max_train_steps=1600", "--optimizer_args", "a=1", "b=2", "--network_train_unet_only"})
          .given_flags;
  CHECK(given == std::map<std::string, std::string>{{"learning_rate", "0.001"},
                                                    {"v_pred_like_loss", "0.5"},
                                                    {"optimizer_args", "a=1 b=2"},
                                                    {"network_train_unet_only", "True"}});
}

TEST_CASE("flags are kept as they were written, the command line's instead of the file's, and no secrets") {
  const TrainConfig c =
      read_file("learning_rate = 1e-4\nseed = 1\nresolution = [512, 768]\n",
                {"--seed", "2", "--optimizer_args", "a=1", "b=2", "--save_state", "--wandb_api_key=x"});
  CHECK(c.settings == NamedTexts{{"learning_rate", "1e-04"},
                                 {"resolution", "512,768"},
                                 {"config_file", c.settings[2].second},
                                 {"seed", "2"},
                                 {"optimizer_args", "a=1 b=2"},
                                 {"save_state", "true"},
                                 {"wandb_api_key", "(not shown)"}});
}

TEST_CASE("where TensorBoard's files go is read, and that Weights and Biases gets nothing is said") {
  Messages messages;
  const TrainConfig c = read_train_options({"--logging_dir", "logs", "--log_with", "all", "--log_prefix=a_",
                                            "--log_tracker_name=t", "--log_config", "--wandb_run_name=w"},
                                           messages)
                            .config;
  CHECK(c.tracker.logging_dir == "logs");
  CHECK(c.tracker.log_prefix == "a_");
  CHECK(c.tracker.log_tracker_name == "t");
  CHECK(c.tracker.log_config);
  CHECK(c.tracker.writes_events());
  CHECK(c.given_flags.empty());
  REQUIRE(messages.notes.size() == 2);
  CHECK(messages.notes[1].find("--log_with all: nothing is sent to Weights and Biases") == 0);
}

TEST_CASE("an interrupted run is gone on with unless that is not wanted") {
  CHECK(read({}).save.auto_resume);
  CHECK(!read({"--no_auto_resume"}).save.auto_resume);
  CHECK(read({"--auto_resume"}).save.auto_resume);
}

TEST_CASE("warm-up steps that are neither steps nor a share are an error that names the flag") {
  CHECK_THROWS_WITH_AS(read({"--lr_warmup_steps", "1.0"}), doctest::Contains("--lr_warmup_steps"), Error);
}

TEST_CASE("step rules come from lr_scheduler_args, other keys are refused") {
  CHECK(read({"--lr_scheduler_args", "step_rules=1:10,0.5"}).optim.lr_schedule.step_rules == "1:10,0.5");
  CHECK_THROWS_WITH_AS(read({"--lr_scheduler_args", "T_max=10"}), doctest::Contains("lr_scheduler_type"), Error);
  const LrScheduleConfig lr =
      read({"--lr_scheduler_type", "CosineAnnealingLR", "--lr_scheduler_args", "T_max=10", "eta_min=1e-6"})
          .optim.lr_schedule;
  CHECK(lr.kind() == "CosineAnnealingLR");
  CHECK(lr.lr_scheduler_args == std::vector<std::string>{"T_max=10", "eta_min=1e-6"});
}

TEST_CASE("an argument without dashes is an error") {
  CHECK_THROWS_WITH_AS(read({"train_network.py"}), doctest::Contains("unexpected argument \"train_network.py\""),
                       Error);
}

TEST_CASE("a config file sets flags, its sections mean nothing, and the command line wins") {
  const TrainConfig c = read_file(R"(
      output_name = "top"
      [network]
      network_dim = 16
      network_train_unet_only = true
      [anything]
      learning_rate = 1
      text_encoder_lr = 5e-5
      optimizer_args = ["weight_decay=0.1", "eps=1e-6"]
      resolution = "512,768"
      )",
                                  {"--network_dim", "8"});
  CHECK(c.save.output_name == "top");
  CHECK(c.network.network_dim == 8);
  CHECK(c.network.network_train_unet_only);
  CHECK(c.optim.learning_rate == 1);
  CHECK(c.optim.text_encoder_lr == std::vector<double>{5e-5});
  CHECK(c.optim.optimizer_args.size() == 2);
}

TEST_CASE("a config file takes a resolution as number, text or list") {
  CHECK(read_file("resolution = 512").data.defaults.dataset.resolution == Size{512, 512});
  CHECK(read_file("resolution = [512, 768]").data.defaults.dataset.resolution == Size{512, 768});
}

TEST_CASE("of equal keys in a config file the last counts") {
  CHECK(read_file("[b]\nseed = 1\n[a]\nseed = 2").run.seed == 2);
}

TEST_CASE("a config file's suffix may be left out") {
  const ConfigFile file("seed = 3");
  CHECK(read({"--config_file", file.stem()}).run.seed == 3);
}

TEST_CASE("an unknown key of a config file is a warning with file, line and the nearest name") {
  const ConfigFile file("seed = 3\n[x]\nlearning_rat = 1e-4\n");
  Messages messages;
  const TrainOptions options = read_train_options({"--config_file", file.path()}, messages);
  CHECK(options.config.run.seed == 3);
  REQUIRE(messages.warnings.size() == 1);
  CHECK(messages.warnings[0] ==
        file.path() + ":3: learning_rat is no known setting and is left out; the nearest is \"learning_rate\"");
}

TEST_CASE("a key of a config file that has its effect elsewhere is named with its place") {
  const std::pair<const char*, const char*> cases[] = {
      {"loraplus_lr_ratio = 16", "it belongs in network_args: network_args = [\"loraplus_lr_ratio=...\"]"},
      {"conv_dim = 8", "it belongs in network_args"},
      {"block_dims = \"4,4\"", "it belongs in network_args"},
      {"weight_decay = 0.1", "it belongs in optimizer_args"},
      {"num_repeats = 10", "it is a key of a dataset file (--dataset_config): "},
  };
  for (const auto& [line, place] : cases) {
    CAPTURE(line);
    const ConfigFile file(line);
    Messages messages;
    read_train_options({"--config_file", file.path()}, messages);
    REQUIRE(messages.warnings.size() == 1);
    CHECK(messages.warnings[0].find(place) != std::string::npos);
  }
}

TEST_CASE("a value of the wrong type in a config file is an error with file and line") {
  CHECK_THROWS_WITH_AS(read_file("\nseed = \"abc\""), doctest::Contains(".toml:2: seed: expected a whole number"),
                       Error);
  CHECK_THROWS_WITH_AS(read_file("seed = true"), doctest::Contains("takes a value, got true"), Error);
  CHECK_THROWS_WITH_AS(read_file("seed = [1, 2]"), doctest::Contains("expected one value, got a list"), Error);
  CHECK_THROWS_WITH_AS(read_file("shuffle_caption = 2"), doctest::Contains("expected true or false, got \"2\""), Error);
  CHECK_THROWS_WITH_AS(read_file("deepspeed = true"), doctest::Contains("not supported yet"), Error);
}

TEST_CASE("a config file of Windows is read: byte order mark, carriage returns, paths in single quotes") {
  const TrainConfig c = read_file(
      "\xEF\xBB\xBFpretrained_model_name_or_path = 'C:\\models\\sd 1.5.safetensors'\r\n[x]\r\nseed = 4\r\n"
      "output_name = \"with \\\"quotes\\\"\"\r\n");
  CHECK(c.model.pretrained_model_name_or_path == "C:\\models\\sd 1.5.safetensors");
  CHECK(c.run.seed == 4);
  CHECK(c.save.output_name == "with \"quotes\"");
}

TEST_CASE("a Windows path in double quotes is an error that says how to write it") {
  CHECK_THROWS_WITH_AS(read_file("seed = 1\noutput_dir = \"C:\\Users\\me\"\n"),
                       doctest::Contains(".toml:2: this is not valid TOML"), Error);
  CHECK_THROWS_WITH_AS(read_file("output_dir = \"C:\\Users\\me\"\n"),
                       doctest::Contains("a path with backslashes stands in single quotes"), Error);
}

TEST_CASE("--output_config writes the flags of a command line as a config file that reads as they did") {
  const std::vector<std::string> line = {
      "--learning_rate", "1e-4",       "--shuffle_caption", "--lr_warmup_steps",   "10%",  "--resolution", "512,768",
      "--network_args",  "conv_dim=4", "note=it's \"so\"",  "--text_encoder_lr",   "5e-5", "--output_dir", "C:\\out",
      "--seed=1",        "--seed=2",   "--output_name",     "K\u00e4tzchen \u732b"};
  std::vector<std::string> asked = line;
  asked.insert(asked.end(), {"--config_file", "new", "--output_config", "--wandb_api_key", "secret", "--keep_tokens",
                             "0", "--network_dim", "4", "--network_dim", "8"});
  Messages messages;
  const TrainOptions written = read_train_options(asked, messages);
  CHECK(written.output_config);
  CHECK(written.config_text.find("text_encoder_lr = [5e-05]\n") != std::string::npos);
  CHECK(written.config_text.find("seed = 2\n") != std::string::npos);
  CHECK(written.config_text.find("lr_warmup_steps = '10%'\n") != std::string::npos);
  for (const char* left_out : {"secret", "config", "keep_tokens", "seed = 1"})
    CHECK(written.config_text.find(left_out) == std::string::npos);
  std::vector<std::string> same = line;
  same.insert(same.end(), {"--network_dim", "8"});
  const TrainConfig there = read_file(written.config_text), here = read(same);
  CHECK(there.given_flags == here.given_flags);
  CHECK(there.save.output_dir == here.save.output_dir);
  CHECK(there.save.output_name == here.save.output_name);
  CHECK(there.run.seed == 2);
}

TEST_CASE("--output_config writes over nothing, needs a file to write, and means nothing within one") {
  const ConfigFile file("seed = 3\n");
  Messages messages;
  const TrainOptions options = read_train_options({"--output_config", "--config_file", file.stem()}, messages);
  CHECK(options.config.run.seed != 3);  // it is not read
  CHECK_THROWS_WITH_AS(write_config_file(file.stem(), "x"), doctest::Contains("is there already"), Error);
  CHECK_THROWS_WITH_AS(read({"--output_config"}), doctest::Contains("needs --config_file"), Error);
  CHECK(!read_train_options({"--seed=1"}, messages).output_config);
  const ConfigFile within("output_config = true\nseed = 4\n");
  const TrainOptions read_there = read_train_options({"--config_file", within.path()}, messages);
  CHECK(!read_there.output_config);
  CHECK(read_there.config.run.seed == 4);
}

TEST_CASE("false, empty text and empty lists in a config file ask for nothing") {
  CHECK_NOTHROW(read_file("deepspeed = false\nvae = \"\"\nnetwork_args = []\nlr_scheduler_args = []\nlowram = false"));
}

TEST_CASE("a config file that is missing or no TOML is an error") {
  CHECK_THROWS_WITH_AS(read({"--config_file", "/nowhere/x"}), "/nowhere/x.toml: no such config file", Error);
  CHECK_THROWS_WITH_AS(read_file("seed = \n"), doctest::Contains(".toml:1: "), Error);
}

TEST_CASE("settings that are missing, out of range or contradict each other are named") {
  const auto fault = [](std::vector<std::string> args) -> std::string {
    args.insert(args.begin(), {"--pretrained_model_name_or_path", "m", "--output_dir", "o", "--train_data_dir", "d"});
    try {
      check_train_config(read(args));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(fault({}) == "");
  CHECK(fault({"--network_dim", "0"}) == "--network_dim must be at least 1, got 0");
  CHECK(fault({"--network_args", "conv_dim"}).find("--network_args takes key=value") == 0);
  CHECK(fault({"--dim_from_weights"}).find("--dim_from_weights needs --network_weights") == 0);
  CHECK(fault({"--caption_dropout_rate", "1.5"}) == "--caption_dropout_rate must be 0 to 1, got 1.5");
  CHECK(fault({"--optimizer_args", "decay=1"}).find("decay") != std::string::npos);
  CHECK(fault({"--learning_rate=-1"}) == "--learning_rate must be at least 0, got -1");
  CHECK(fault({"--max_train_steps", "0"}).find("--max_train_steps") == 0);
  CHECK(fault({"--output_name", "a/b"}).find("--output_name") == 0);
  CHECK(fault({"--log_with", "tensorboard"}).find("--log_with tensorboard needs --logging_dir") == 0);
  CHECK(fault({"--log_with", "all", "--logging_dir="}).find("--log_with all needs --logging_dir") == 0);
  CHECK(fault({"--log_with", "wandb"}) == "");
  CHECK(fault({"--log_tracker_name", "../x"}).find("--log_tracker_name") == 0);
  CHECK(fault({"--network_train_unet_only", "--network_train_text_encoder_only"}).find("nothing to train") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(check_train_config(read({})), doctest::Contains("--pretrained_model_name_or_path is missing"),
                       Error);
}

TEST_CASE("the command lines of the recorded runs are read, and their settings fit together") {
  std::ifstream in(source_dir() + "/tests/reference/e2e_metadata.json");
  const nlohmann::json runs = nlohmann::json::parse(in);
  for (const auto& [name, run] : runs.items()) {
    CAPTURE(name);
    const TrainConfig c = read(run["argv"].get<std::vector<std::string>>());
    CHECK_NOTHROW(check_train_config(c));
    CHECK(run["metadata"]["ss_seed"] == std::to_string(c.run.seed.value_or(-1)));
    CHECK(run["metadata"]["ss_network_dim"] == std::to_string(c.network.rank()));
    CHECK(run["metadata"]["ss_lr_scheduler"] == c.optim.lr_schedule.name);
  }
}

TEST_CASE("an error about a flag with a long dash says how flags begin") {
  CHECK_THROWS_WITH_AS(read({"\u2013seed", "1"}), doctest::Contains("its dash is a long one"), Error);
  CHECK_THROWS_WITH_AS(read({"\u2014seed", "1"}), doctest::Contains("two short ones, --"), Error);
}

TEST_CASE("a config file may be named without its ending, also where it is a preset") {
  const test::TemporaryFolder folder;
  folder.text("both.toml", "seed = 1");
  folder.text("both.json", "{\"seed\": 2}");
  folder.text("preset.json", "{\"seed\": 3}");
  folder.text("plain", "seed = 4");
  folder.text("braces", " {\"seed\": 5}");
  const auto seed = [&](const std::string& name) { return read({"--config_file", folder.path(name)}).run.seed; };
  CHECK(seed("both") == 1);
  CHECK(seed("both.toml") == 1);
  CHECK(seed("both.json") == 2);
  CHECK(seed("preset") == 3);
  CHECK(seed("preset.toml") == 3);
  CHECK(seed("plain") == 4);
  CHECK(seed("braces") == 5);
  CHECK_THROWS_WITH_AS(seed("none"), doctest::Contains("none.toml: no such config file"), Error);
  CHECK_THROWS_WITH_AS(read({"--config_file", folder.path()}), doctest::Contains("this is a folder"), Error);
}

TEST_CASE("~ at the start of a path is the home folder, in quotes and in files, and nowhere else") {
  const std::string home = std::getenv("HOME") ? std::getenv("HOME") : "";
  if (home.empty()) return;
  CHECK(read({"--train_data_dir", "~/pics"}).data.train_data_dir == home + "/pics");
  CHECK(read({"--base_weights", "~/a", "b"}).network.base_weights == std::vector<std::string>{home + "/a", "b"});
  CHECK(read_file("output_dir = \"~\"").save.output_dir == home);
  CHECK(read({"--output_name", "~/x"}).save.output_name == "~/x");
  CHECK(read({"--output_dir", "a~/x"}).save.output_dir == "a~/x");
}

TEST_CASE("a Windows path whose backslashes make a tab or a new line is refused with the right spelling") {
  CHECK_THROWS_WITH_AS(read_file("a = 1\ntrain_data_dir = \"D:\\training\\new\""),
                       doctest::Contains(".toml:2: train_data_dir: \"D:\\training\\new\": inside double quotes"),
                       Error);
  CHECK_THROWS_WITH_AS(read_file("train_data_dir = \"D:\\training\\new\""),
                       doctest::Contains("write it with slashes: \"D:/training/new\""), Error);
  CHECK(read_file("training_comment = \"a\\tb\"").metadata.training_comment == "a\tb");
}

TEST_CASE("a rate of each text encoder is taken, and one rate is all text encoders'") {
  const OptimConfig each = read({"--text_encoder_lr", "1e-5", "2e-5"}).optim;
  CHECK(each.text_encoder_rate(0) == 1e-5);
  CHECK(each.text_encoder_rate(1) == 2e-5);
  CHECK(read({"--text_encoder_lr", "1e-5"}).optim.text_encoder_rate(1) == 1e-5);
  CHECK(read({"--text_encoder_lr", "0", "2e-5"}).optim.text_encoder_rate() == 2e-5);
  CHECK(read_file("text_encoder_lr = [1e-5, 2e-5]").optim.text_encoder_rate(1) == 2e-5);
}

TEST_CASE("a seed below 0 is refused before any other work") {
  TrainConfig c = read(
      {"--pretrained_model_name_or_path=none.safetensors", "--train_data_dir=none", "--output_dir=o", "--seed=-1"});
  CHECK_THROWS_WITH_AS(check_train_config(c), "--seed must be at least 0, got -1", Error);
}
