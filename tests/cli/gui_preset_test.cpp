#include "cli/gui_preset.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/config_file.h"
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
  CHECK(contains(fault(R"({"flux1_checkbox": true})"), "FLUX.1"));
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

TEST_CASE("the prompts of a preset are the text itself, and the command line's file replaces them") {
  const auto preview = [](const std::string& preset, std::vector<std::string> args = {}) {
    return read(preset, std::move(args)).config.preview;
  };
  const PreviewConfig two = preview(R"({"sample_every_n_steps": 1, "sample_prompts": "a cat --s 2\na dog"})");
  REQUIRE(two.prompt_lines);
  CHECK(two.prompt_lines->text == "a cat --s 2\na dog");
  CHECK(contains(two.prompt_lines->where, "preset.json: sample_prompts"));
  const PreviewConfig none = preview(R"({"sample_every_n_steps": 1, "sample_prompts": ""})");
  CHECK(none.prompt_lines->text.empty());
  CHECK(none.sample_prompts == "");
  CHECK(preview(R"({"sample_prompts": "prompts/mine.txt"})").sample_prompts == "prompts/mine.txt");
  const PreviewConfig line = preview(R"({"sample_prompts": "a cat"})", {"--sample_prompts", "p.txt"});
  CHECK(line.sample_prompts == "p.txt");
  CHECK(!line.prompt_lines);
  CHECK(!preview(R"({"sample_prompts": "a", "additional_parameters": "--sample_prompts p.txt"})").prompt_lines);
}

TEST_CASE("what the command line sets is never outweighed by another setting of the preset") {
  const std::string preset = R"({"max_train_epochs": 3, "epoch": 4, "unet_lr": 1e-4, "text_encoder_lr": 0,
      "optimizer": "Lion", "lr_scheduler_type": "CosineAnnealingLR", "dim_from_weights": true,
      "network_weights": "a.safetensors", "dataset_config": "d.toml", "sample_every_n_epochs": 1,
      "save_n_epoch_ratio": 2, "caption_extention": ".cap"})";
  const TrainConfig whole = read(preset).config;
  CHECK(whole.run.max_train_epochs == 3);
  CHECK(whole.network.network_train_unet_only);
  const TrainConfig c =
      read(preset, {"--max_train_steps=5", "--text_encoder_lr=1e-5", "--use_8bit_adam", "--lr_scheduler=cosine",
                    "--network_dim=8", "--train_data_dir=pics", "--sample_every_n_steps=2", "--save_every_n_epochs=1",
                    "--caption_extension=.txt"})
          .config;
  CHECK(!c.run.max_train_epochs);
  CHECK(c.run.max_train_steps == 5);
  CHECK(!c.network.network_train_unet_only);
  CHECK(c.optim.type() == "AdamW8bit");
  CHECK(c.optim.lr_schedule.kind() == "cosine");
  CHECK(!c.network.dim_from_weights);
  CHECK(!c.data.dataset_config);
  CHECK(!c.preview.sample_every_n_epochs);
  CHECK(!c.save.save_n_epoch_ratio);
  CHECK(c.data.defaults.subset.caption_extension == ".txt");
  // Flags among the additional parameters are such a line, too.
  const std::string more = R"({"epoch": 4, "additional_parameters": "--max_train_steps 7"})";
  CHECK(!read(more).config.run.max_train_epochs);
  CHECK(read(more).config.run.max_train_steps == 7);
  const std::string text_only = R"({"unet_lr": 0, "text_encoder_lr": 1e-5})";
  CHECK(read(text_only).config.network.network_train_text_encoder_only);
  CHECK(!read(text_only, {"--unet_lr=1e-4"}).config.network.network_train_text_encoder_only);
  const NetworkConfig unet = read(text_only, {"--network_train_unet_only"}).config.network;
  CHECK(unet.network_train_unet_only);
  CHECK(!unet.network_train_text_encoder_only);
}

TEST_CASE("every switch may be a number or a text, in a preset and in a config file") {
  TrainOptions any;
  int switches = 0;
  const TemporaryFolder folder;
  for (const FlagGroup& group : train_flags(any))
    for (const Flag& flag : group.flags) {
      if (flag.kind != FlagKind::toggle || flag.key() == "output_config") continue;
      CAPTURE(flag.name);
      ++switches;
      const auto state = [&](const std::string& name, const std::string& text) {
        TrainOptions options;
        const FlagTable table = train_flags(options);
        std::vector<std::string> notes, warnings;
        const std::string path = folder.text(name, text);
        if (name == "p.json") {
          assign_gui_preset(table, path, {}, notes, warnings);
        } else {
          assign_config_file(table, path, notes, warnings);
        }
        CHECK(warnings.empty());
        const Flag* same = find_flag(table, flag.name);
        return same->status == FlagStatus::built ? value_text(*same) : notes.empty() ? "False" : "True";
      };
      if (flag.status == FlagStatus::refused) continue;
      const bool is_opposite = flag.key() == "no_auto_resume";    // it has no text of its own
      const bool is_on_by_default = flag.key() == "auto_resume";  // so false is "not set" in a preset
      for (const std::string on : {"true", "1", "1.0", "\"true\"", "\"True\"", "\"1\""}) {
        CAPTURE(on);
        if (!is_opposite) CHECK(state("c.toml", flag.key() + " = " + on) == "True");
        if (!is_opposite) CHECK(state("p.json", "{\"" + flag.key() + "\": " + on + "}") == "True");
      }
      for (const std::string off : {"false", "0", "0.0", "\"false\"", "\"0\"", "\"\""}) {
        CAPTURE(off);
        if (!is_opposite) CHECK(state("c.toml", flag.key() + " = " + off) == "False");
        if (!is_opposite && !is_on_by_default)
          CHECK(state("p.json", "{\"" + flag.key() + "\": " + off + "}") == "False");
      }
    }
  CHECK(switches > 60);
}

TEST_CASE("a preset for another family of models is refused by that name, a kind of file for whole models is not") {
  for (const std::string key :
       {"flux1_checkbox", "sd3_checkbox", "lumina_checkbox", "anima_checkbox", "hunyuan_image_checkbox"}) {
    CAPTURE(key);
    CHECK(contains(fault("{\"" + key + "\": 1}"), "is not supported yet (" + key + ")"));
    CHECK(fault("{\"" + key + "\": \"false\"}").empty());
  }
  CHECK(read(R"({"save_model_as": "same as source model"})").config.save.save_model_as == "safetensors");
  CHECK(read(R"({"save_model_as": "ckpt"})").config.save.save_model_as == "ckpt");
  CHECK(read(R"({"optimizer": "Lion", "use_8bit_adam": true})").config.optim.type() == "Lion");
  CHECK(read(R"({"use_8bit_adam": true})").config.optim.type() == "AdamW8bit");
  CHECK(read(R"({"use_wandb": "True"})").config.tracker.log_with == "wandb");
}

namespace {

/// Keys that kohya_ss' page for LoRAs writes into a preset, with a value of each that a run on SD 1.x can have.
constexpr const char* keys_of_kohya_ss = R"({
  "LoRA_type": "Standard", "LyCORIS_preset": "full", "adaptive_noise_scale": 0.01, "additional_parameters": "",
  "ae": "", "apply_t5_attn_mask": false, "async_upload": false, "block_alphas": "", "block_dims": "",
  "block_lr_zero_threshold": "", "bucket_no_upscale": true, "bucket_reso_steps": 64, "bypass_mode": false,
  "cache_latents": true, "cache_latents_to_disk": false, "caption_dropout_every_n_epochs": 2,
  "caption_dropout_rate": 0.05, "caption_extension": ".txt", "clip_l": "", "clip_skip": 2, "color_aug": false,
  "constrain": 0, "conv_alpha": 1, "conv_block_alphas": "", "conv_block_dims": "", "conv_dim": 1, "cpu_offload": false,
  "dataset_config": "", "debiased_estimation_loss": false, "decompose_both": false, "dim_from_weights": false,
  "discrete_flow_shift": 3, "dora_wd": false, "down_lr_weight": "", "dynamo_backend": "no", "dynamo_mode": "default",
  "dynamo_use_dynamic": false, "dynamo_use_fullgraph": false, "enable_bucket": true, "epoch": 1,
  "extra_accelerate_launch_args": "", "factor": -1, "flip_aug": false, "flux1_cache_text_encoder_outputs": false,
  "flux1_checkbox": false, "fp8_base": false, "fp8_base_unet": false, "full_bf16": false, "full_fp16": false,
  "gpu_ids": "", "gradient_accumulation_steps": 1, "gradient_checkpointing": false, "guidance_scale": 3.5,
  "highvram": true, "huber_c": 0.1, "huber_scale": 1, "huber_schedule": "snr", "huggingface_path_in_repo": "",
  "huggingface_repo_id": "", "huggingface_repo_type": "", "huggingface_repo_visibility": "", "huggingface_token": "",
  "ip_noise_gamma": 0.1, "ip_noise_gamma_random_strength": false, "keep_tokens": 1, "learning_rate": 0.0001,
  "log_config": false, "log_tracker_config": "", "log_tracker_name": "", "log_with": "", "logging_dir": "logs",
  "loraplus_lr_ratio": 0, "loraplus_text_encoder_lr_ratio": 0, "loraplus_unet_lr_ratio": 0, "loss_type": "l2",
  "lowvram": false, "lr_scheduler": "cosine", "lr_scheduler_args": "", "lr_scheduler_num_cycles": 1,
  "lr_scheduler_power": 1, "lr_scheduler_type": "", "lr_warmup": 10, "lr_warmup_steps": 0, "main_process_port": 0,
  "masked_loss": false, "max_bucket_reso": 2048, "max_data_loader_n_workers": 0, "max_grad_norm": 1,
  "max_resolution": "512,512", "max_timestep": 1000, "max_token_length": 75, "max_train_epochs": 0,
  "max_train_steps": 1600, "mem_eff_attn": false, "mem_eff_save": false, "metadata_author": "",
  "metadata_description": "", "metadata_license": "", "metadata_tags": "", "metadata_title": "", "mid_lr_weight": "",
  "min_bucket_reso": 256, "min_snr_gamma": 5, "min_timestep": 0, "mixed_precision": "bf16",
  "model_list": "custom", "module_dropout": 0, "multi_gpu": false, "multires_noise_discount": 0.3,
  "multires_noise_iterations": 6, "network_alpha": 1, "network_dim": 8, "network_dropout": 0, "network_weights": "",
  "noise_offset": 0.05, "noise_offset_random_strength": false, "noise_offset_type": "Original", "num_cpu_threads_per_process": 2,
  "num_machines": 1, "num_processes": 1, "optimizer": "AdamW8bit", "optimizer_args": "", "output_dir": "out",
  "output_name": "last", "persistent_data_loader_workers": true, "pretrained_model_name_or_path": "m.safetensors",
  "prior_loss_weight": 1, "random_crop": false, "rank_dropout": 0, "rank_dropout_scale": false, "reg_data_dir": "",
  "rescaled": false, "resume": "", "resume_from_huggingface": "", "sample_every_n_epochs": 0,
  "sample_every_n_steps": 0, "sample_prompts": "", "sample_sampler": "euler_a", "save_every_n_epochs": 1,
  "save_every_n_steps": 0, "save_last_n_epochs": 0, "save_last_n_epochs_state": 0, "save_last_n_steps": 0,
  "save_last_n_steps_state": 0, "save_model_as": "safetensors", "save_precision": "fp16", "save_state": false,
  "save_state_on_train_end": false, "save_state_to_huggingface": false, "scale_v_pred_loss_like_noise_pred": false,
  "scale_weight_norms": 0, "sd3_checkbox": false, "sdxl": false, "sdxl_cache_text_encoder_outputs": false,
  "sdxl_no_half_vae": false, "seed": 1234, "shuffle_caption": false, "skip_cache_check": false, "split_mode": false,
  "stop_text_encoder_training": 0, "t5xxl": "", "t5xxl_lr": 0, "text_encoder_lr": 0.00005, "train_batch_size": 1,
  "train_blocks": "all", "train_data_dir": "img", "train_norm": false, "train_on_input": true, "training_comment": "",
  "unet_lr": 0.0001, "unit": 1, "up_lr_weight": "", "use_cp": false, "use_scalar": false, "use_tucker": false,
  "v2": false, "v_parameterization": false, "v_pred_like_loss": 0, "vae": "", "vae_batch_size": 0,
  "wandb_api_key": "", "wandb_run_name": "", "weighted_captions": false, "xformers": "sdpa"})";

}  // namespace

TEST_CASE("each key of kohya_ss may be written in every legal way, alone and beside all others") {
  const nlohmann::json preset = nlohmann::json::parse(keys_of_kohya_ss);
  CHECK(preset.size() > 180);
  CHECK(fault(preset.dump()).empty());
  const auto given = [](const nlohmann::json& values) { return read(values.dump()).config.given_flags; };
  const auto plain = given(preset);
  for (const auto& [key, value] : preset.items()) {
    CAPTURE(key);
    std::vector<nlohmann::json> same;
    if (value.is_boolean()) same = {value.get<bool>() ? 1 : 0, value.get<bool>() ? 1.0 : 0.0, value.dump()};
    if (value.is_number()) same = {value.get<double>(), value.dump()};
    if (value.is_number_integer()) same.push_back(value.dump() + ".0");
    if (value.is_string()) same = {{value}};
    if (value.is_string() && value.get<std::string>().empty()) same = {nullptr, "None"};
    for (const nlohmann::json& other : same) {
      CAPTURE(other.dump());
      nlohmann::json changed = preset;
      changed[key] = other;
      CHECK(fault(changed.dump()).empty());
      CHECK(given(changed) == plain);
      CHECK(fault(nlohmann::json{{key, other}}.dump()).empty());
    }
    for (const nlohmann::json& empty : {nlohmann::json(""), nlohmann::json(nullptr)}) {
      nlohmann::json changed = preset;
      changed[key] = empty;
      CHECK(fault(changed.dump()).empty());
    }
  }
}

TEST_CASE("a preset's switch for SDXL must be the checkpoint's, and its settings for SDXL count there alone") {
  CHECK(read(R"({"sdxl": true, "epoch": 1})").config.model.script == "sdxl_train_network.py");
  CHECK(read(R"({"sdxl": false, "epoch": 1})").config.model.script == "train_network.py");
  CHECK(read(R"({"epoch": 1})").config.model.script.empty());
  const std::string cached = R"("sdxl_cache_text_encoder_outputs": true, "epoch": 1})";
  CHECK(read(R"({"sdxl": true, )" + cached).config.data.cache_text_encoder_outputs);
  CHECK(!read(R"({"sdxl": false, )" + cached).config.data.cache_text_encoder_outputs);
}
