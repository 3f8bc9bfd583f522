#include "cli/gui_preset.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/train_options.h"
#include "data/temporary_folder.h"

using namespace rankine;
using rankine::test::TemporaryFolder;

namespace {

struct Read {
  TrainConfig config;
  Messages messages;
};

Read read(const std::string& preset, std::vector<std::string> args = {}) {
  const TemporaryFolder folder;
  args.insert(args.begin(), {"--config_file", folder.text("preset.json", preset)});
  Read result;
  result.config = read_train_options(args, result.messages).config;
  return result;
}

std::string fault(const std::string& preset) {
  try {
    read(preset);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a preset's own names are flags, and the command line wins") {
  const TrainConfig c =
      read(R"({"optimizer": "Lion", "max_resolution": "512,768", "lora_network_weights": "a.safetensors",
                                 "epoch": 3, "lr_warmup": 10, "network_dim": 8, "learning_rate": 0.0002,
                                 "gradient_accumulation_steps": 2.0, "keep_tokens": "1", "shuffle_caption": true})",
           {"--network_dim", "16"})
          .config;
  CHECK(c.optim.optimizer_type == "Lion");
  CHECK(c.data.defaults.dataset.resolution == Size{512, 768});
  CHECK(c.network.network_weights == "a.safetensors");
  CHECK(c.run.max_train_epochs == 3);
  CHECK(c.optim.lr_schedule.lr_warmup_steps.is_share);
  CHECK(c.optim.lr_schedule.lr_warmup_steps.value == 0.1);
  CHECK(c.network.network_dim == 16);
  CHECK(c.optim.learning_rate == 0.0002);
  CHECK(c.run.gradient_accumulation_steps == 2);
  CHECK(c.data.defaults.subset.caption.keep_tokens == 1);
  CHECK(c.data.defaults.subset.caption.shuffle);
}

TEST_CASE("what a preset shows as empty, None, false or 0 is not set, except where 0 is a setting") {
  const Read r = read(R"({"seed": 0, "min_snr_gamma": 0, "scale_weight_norms": 0, "save_every_n_steps": 0, "vae": "",
                          "vae_batch_size": 0, "resume": "", "log_with": "None", "caption_extension": "", "v2": false,
                          "huggingface_repo_id": "", "wandb_api_key": null, "max_train_steps": 0, "network_dropout": 0,
                          "max_grad_norm": 0, "max_data_loader_n_workers": "0", "epoch": 2})");
  CHECK(r.config.given_flags.size() == 2);  // max_grad_norm, max_train_epochs
  CHECK(!r.config.run.seed);
  CHECK(!r.config.loss.weighting.min_snr_gamma);
  CHECK(!r.config.save.save_every_n_steps);
  CHECK(r.config.data.defaults.subset.caption_extension == ".caption");
  CHECK(r.config.optim.max_grad_norm == 0);
  CHECK(r.config.run.max_data_loader_n_workers == 0);
  CHECK(r.config.run.max_train_steps == 1600);
  CHECK(r.messages.warnings.empty());
}

TEST_CASE("epoch counts only where no other length is set") {
  CHECK(!read(R"({"epoch": 3, "max_train_steps": 100})").config.run.max_train_epochs);
  CHECK(read(R"({"epoch": 3, "max_train_epochs": 5})").config.run.max_train_epochs == 5);
}

TEST_CASE("a rate of 0 for one part means that the other alone is trained") {
  const auto network = [](const std::string& preset) { return read(preset).config.network; };
  CHECK(network(R"({"unet_lr": 1e-4, "text_encoder_lr": 0})").network_train_unet_only);
  CHECK(network(R"({"unet_lr": 0, "text_encoder_lr": 5e-5})").network_train_text_encoder_only);
  const NetworkConfig neither = network(R"({"unet_lr": 0, "text_encoder_lr": 0, "learning_rate": 1e-4})");
  CHECK(!neither.network_train_unet_only);
  CHECK(!neither.network_train_text_encoder_only);
  CHECK(!network(R"({"unet_lr": 1e-4})").network_train_unet_only);
}

TEST_CASE("settings of the network become network_args, those of convolutions where they train") {
  const auto args = [](const std::string& preset) { return read(preset).config.network.network_args; };
  const std::string both =
      R"("conv_dim": 8, "conv_alpha": 4, "rank_dropout": 0.1, "module_dropout": 0, "mid_lr_weight": "0.5"})";
  CHECK(args(R"({"LoRA_type": "Standard", )" + both) ==
        std::vector<std::string>{"mid_lr_weight=0.5", "rank_dropout=0.1"});
  CHECK(args(R"({"LoRA_type": "Kohya LoCon", )" + both) ==
        std::vector<std::string>{"mid_lr_weight=0.5", "rank_dropout=0.1", "conv_dim=8", "conv_alpha=4"});
}

TEST_CASE("the type of noise offset says which of its settings count") {
  const std::string both = R"("noise_offset": 0.1, "multires_noise_iterations": 6, "multires_noise_discount": 0.3})";
  CHECK(!read(R"({"noise_offset_type": "Original", )" + both).config.loss.noise.multires_noise_iterations);
  CHECK(!read(R"({"noise_offset_type": "Multires", )" + both).config.loss.noise.noise_offset);
  CHECK(read("{" + both).config.loss.noise.noise_offset == 0.1);
}

TEST_CASE("lists are words of a shell, and additional_parameters are flags that count last") {
  const Read r = read(R"({"optimizer_args": "weight_decay=0.1 \"betas=0.9, 0.99\"", "seed": 5, "xformers": "sdpa",
                          "additional_parameters": "--seed 7 --training_comment=\"it's mine\""})");
  CHECK(r.config.optim.optimizer_args == std::vector<std::string>{"weight_decay=0.1", "betas=0.9, 0.99"});
  CHECK(r.config.run.seed == 7);
  CHECK(r.config.metadata.training_comment == "it's mine");
}

TEST_CASE("what is no setting of sd-scripts is listed in one note, a setting that is gone is a warning") {
  const Read r = read(R"({"model_list": "custom", "unit": 1, "num_processes": 1, "stop_text_encoder_training_pct": 20,
                          "decompose_both": false})");
  REQUIRE(r.messages.notes.size() == 1);
  CHECK(contains(r.messages.notes[0], "model_list, num_processes, stop_text_encoder_training_pct, unit"));
  REQUIRE(r.messages.warnings.size() == 1);
  CHECK(contains(r.messages.warnings[0], "stop_text_encoder_training_pct"));
}

TEST_CASE("a preset that cannot be followed is an error with its file and key") {
  CHECK(contains(fault(R"({"sdxl": true})"), "SDXL"));
  CHECK(contains(fault(R"({"LoRA_type": "LyCORIS/LoHa"})"), "LoRA_type: \"LyCORIS/LoHa\" is not supported"));
  CHECK(contains(fault(R"({"network_dim": "many"})"), "preset.json: network_dim: expected a whole number"));
  CHECK(contains(fault(R"({"network_dim": [1, 2]})"), "network_dim: expected one value, got a list"));
  CHECK(contains(fault(R"({"shuffle_caption": "yes"})"), "expected true or false"));
  CHECK(contains(fault(R"({"output_dir": {}})"), "output_dir: expected text"));
  CHECK(contains(fault(R"({"epoch": "all"})"), "epoch: expected a whole number"));
  CHECK(contains(fault(R"({"additional_parameters": "train"})"), "unexpected \"train\""));
  CHECK(contains(fault(R"({"additional_parameters": "--seed '1"})"), "does not end"));
  CHECK(contains(fault("{"), "not valid JSON"));
  CHECK(contains(fault("[1]"), "expected a JSON object"));
  Messages messages;
  CHECK_THROWS_WITH_AS(read_train_options({"--config_file", "/nowhere/x.json"}, messages),
                       "/nowhere/x.json: no such config file", Error);
}
