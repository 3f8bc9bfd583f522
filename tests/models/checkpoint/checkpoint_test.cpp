#include "models/checkpoint/checkpoint.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "io/safetensors.h"
#include "io/temp_folder.h"
#include "models/checkpoint/diffusers_names.h"
#include "models/checkpoint/model_files.h"
#include "models/checkpoint/open_checkpoint.h"
#include "models/checkpoint/synthetic.h"
#include "models/sd1.h"
#include "models/sd2.h"
#include "models/sdxl.h"
#include "support/reference.h"

using namespace rankine;

TEST_CASE("every tensor of a single file has a canonical name that leads back to it") {
  const DiffusersNames names{BlockStructure{}};
  const auto canonical = model_tensors({});
  const Layout single = layout_of("sd15");
  REQUIRE(canonical.size() == single.tensors.size());
  for (size_t i = 0; i < canonical.size(); ++i) {
    CAPTURE(canonical[i].name);
    CHECK(names.to_single_file(canonical[i].name).value_or("") == single.tensors[i].name);
    CHECK(names.to_canonical(single.tensors[i].name).value_or("") == canonical[i].name);
  }
  CHECK(!names.to_canonical("model_ema.decay"));
  CHECK(!names.to_single_file("unet.down_blocks.9.resnets.0.conv1.weight"));
}

TEST_CASE("the canonical names are those from which the keys of LoRA files are made") {
  std::map<std::string, Shape> modules;  // by key
  for (const auto& [name, shape] : model_tensors({})) {
    if (!name.ends_with(".weight")) continue;
    std::string key = "lora_" + name.substr(0, name.size() - 7);
    std::ranges::replace(key, '.', '_');
    if (key.starts_with("lora_text_encoder_")) key.replace(0, 17, "lora_te");
    modules[key] = shape;
  }
  const auto json = golden::read_shipped_json("lora_keys.json");
  size_t compared = 0;
  for (const auto& entry : json.at("sd15").at("c3lier_conv4_unet_te")) {
    const auto name = entry.at(0).get<std::string>();
    const auto down = entry.at(1).get<Shape>();
    if (!name.ends_with(".lora_down.weight")) continue;
    CAPTURE(name);
    const auto found = modules.find(name.substr(0, name.find('.')));
    REQUIRE(found != modules.end());
    CHECK(std::equal(down.begin() + 1, down.end(), found->second.begin() + 1, found->second.end()));
    ++compared;
  }
  CHECK(compared > 250);
}

TEST_CASE("names translate as Diffusers' conversion does") {
  const DiffusersNames names{BlockStructure{}};
  const std::pair<std::string, std::string> pairs[] = {
      {"unet.up_blocks.0.upsamplers.0.conv.bias", "model.diffusion_model.output_blocks.2.1.conv.bias"},
      {"unet.up_blocks.1.upsamplers.0.conv.bias", "model.diffusion_model.output_blocks.5.2.conv.bias"},
      {"unet.down_blocks.2.downsamplers.0.conv.weight", "model.diffusion_model.input_blocks.9.0.op.weight"},
      {"unet.up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_out.0.bias",
       "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.attn2.to_out.0.bias"},
      {"unet.mid_block.resnets.1.time_emb_proj.weight", "model.diffusion_model.middle_block.2.emb_layers.1.weight"},
      {"vae.decoder.up_blocks.0.resnets.2.conv1.weight", "first_stage_model.decoder.up.3.block.2.conv1.weight"},
      {"vae.decoder.up_blocks.2.resnets.0.conv_shortcut.bias",
       "first_stage_model.decoder.up.1.block.0.nin_shortcut.bias"},
      {"vae.encoder.mid_block.attentions.0.to_out.0.weight", "first_stage_model.encoder.mid.attn_1.proj_out.weight"},
      {"text_encoder.text_model.final_layer_norm.bias",
       "cond_stage_model.transformer.text_model.final_layer_norm.bias"},
  };
  for (const auto& [canonical, single] : pairs) CHECK(names.to_single_file(canonical).value_or("") == single);
  CHECK(sdxl_family.canonical_names("model.diffusion_model.output_blocks.2.2.conv.weight", {}).at(0) ==
        "unet.up_blocks.0.upsamplers.0.conv.weight");
  CHECK(sdxl_family.canonical_names("model.diffusion_model.output_blocks.8.0.in_layers.0.bias", {}).at(0) ==
        "unet.up_blocks.2.resnets.2.norm1.bias");
  CHECK(sdxl_family.canonical_names("model.diffusion_model.label_emb.0.2.bias", {}).at(0) ==
        "unet.add_embedding.linear_2.bias");
  CHECK(modern_vae_name("vae.decoder.mid_block.attentions.0.proj_attn.bias") ==
        "vae.decoder.mid_block.attentions.0.to_out.0.bias");
  CHECK(modern_vae_name("vae.decoder.mid_block.attentions.0.group_norm.bias") ==
        "vae.decoder.mid_block.attentions.0.group_norm.bias");
}

TEST_CASE("a single file answers under canonical names with the file's values") {
  const TempFolder folder;
  const std::string path = folder / "tiny.safetensors";
  write_synthetic_checkpoint(layout_of("tiny-sd15"), 1, path);
  const Checkpoint checkpoint = Checkpoint::open(path);
  CHECK(&checkpoint.family() == &sd1_family);
  CHECK(checkpoint.names().size() == model_tensors(tiny_widths()).size());
  CHECK(read_widths(checkpoint) == tiny_widths());

  std::vector<float> expected(64 * 64);
  synthetic_f32("model.diffusion_model.input_blocks.1.1.proj_in.weight", {64, 64, 1, 1}, 1, expected);
  const std::string name = "unet.down_blocks.0.attentions.0.proj_in.weight";
  CHECK(checkpoint.shape(name) == Shape{64, 64, 1, 1});
  CHECK(checkpoint.dtype(name) == DType::f16);
  CHECK(checkpoint.bytes(name).size() == 2 * expected.size());
  CHECK(checkpoint.read_f32(name) == expected);
  checkpoint.release(name);
  CHECK(checkpoint.read_f32(name) == expected);

  CHECK(checkpoint.shape("vae.encoder.mid_block.attentions.0.to_q.weight") == Shape{96, 96});
  CHECK(checkpoint.shape("vae.quant_conv.weight") == Shape{8, 8, 1, 1});
  const std::string error = error_of([&] { checkpoint.shape("unet.conv_im.weight"); });
  CHECK(contains(error, "no tensor \"unet.conv_im.weight\"; the nearest is \"unet.conv_in.weight\""));
}

TEST_CASE("an opened checkpoint can be moved") {
  const TempFolder folder;
  write_hole(folder / "tiny.safetensors", layout_of("tiny-sd15").tensors);
  Checkpoint first = Checkpoint::open(folder / "tiny.safetensors");
  const Checkpoint second = std::move(first);
  CHECK(second.shape("unet.conv_in.bias") == Shape{64});
  CHECK(second.read_f32("unet.conv_in.bias").size() == 64);
}

TEST_CASE("buffers that are no weights are left out, and old text encoder names are understood") {
  const TempFolder folder;
  Layout layout = layout_of("tiny-sd15");
  for (auto& [name, shape] : layout.tensors)
    if (const size_t at = name.find("text_model."); at != name.npos) name.erase(at, 11);
  layout.tensors.push_back({"cond_stage_model.transformer.text_model.embeddings.position_ids", {1, 77}});
  layout.tensors.push_back({"alphas_cumprod", {1000}});
  layout.tensors.push_back({"model_ema.decay", {}});
  write_hole(folder / "a.safetensors", layout.tensors);
  const Checkpoint checkpoint = Checkpoint::open(folder / "a.safetensors");
  CHECK(checkpoint.names().size() == model_tensors(tiny_widths()).size());
  CHECK(checkpoint.has("text_encoder.text_model.embeddings.token_embedding.weight"));
  CHECK(contains(checkpoint.describe(), "3 tensors that are no weights"));
}

TEST_CASE("a Diffusers folder answers under the same names, also in fp16 files and with the VAE's old names") {
  const auto tensors = model_tensors(tiny_widths());
  for (const char* ending : {".safetensors", ".fp16.safetensors"}) {
    CAPTURE(std::string(ending));
    const TempFolder folder;
    auto stored = tensors;
    if (std::string_view(ending) == ".safetensors") {
      for (auto& [name, shape] : stored)
        for (const auto& [present, old] : {std::pair{".to_q.", ".query."}, {".to_out.0.", ".proj_attn."}})
          if (const size_t at = name.find(present); name.starts_with("vae.") && at != name.npos)
            name.replace(at, std::string_view(present).size(), old);
    }
    write_folder(folder, stored, ending);
    const Checkpoint checkpoint = Checkpoint::open(folder.path().string());
    CHECK(&checkpoint.family() == &sd1_family);
    CHECK(checkpoint.names().size() == tensors.size());
    for (const auto& [name, shape] : tensors) CHECK(checkpoint.shape(name) == shape);
  }
}

TEST_CASE("the family is recognised from names and shapes") {
  const TempFolder folder;
  const std::pair<const char*, const Family*> cases[] = {
      {"layout_sd15.json", &sd1_family},  {"layout_tiny-sd15.json", &sd1_family},
      {"layout_sd21.json", &sd2_family},  {"layout_tiny-sd21.json", &sd2_family},
      {"layout_sdxl.json", &sdxl_family}, {"layout_tiny-sdxl.json", &sdxl_family}};
  for (const auto& [name, family] : cases) {
    const auto path = golden::shipped_file(name);
    CAPTURE(std::string(name));
    const std::string file = folder / concat_text(name, ".safetensors");
    write_hole(file, read_layout(path.string()).tensors);
    const Checkpoint checkpoint = Checkpoint::open(file);
    CHECK(&checkpoint.family() == family);
    CHECK(contains(checkpoint.describe(), family->name));
    CHECK(checkpoint.has("unet.mid_block.attentions.0.proj_in.weight"));
    CHECK(checkpoint.has("vae.decoder.conv_norm_out.weight"));
  }
}

TEST_CASE("OpenCLIP's packed rows answer as q, k and v, and the last layer of SD 2.x is left out") {
  const TempFolder folder;
  const std::string path = folder / "tiny.safetensors";
  write_synthetic_checkpoint(layout_of("tiny-sd21"), 1, path);
  const Checkpoint checkpoint = Checkpoint::open(path);
  CHECK(&checkpoint.family() == &sd2_family);
  CHECK(contains(checkpoint.describe(), "text encoder 192 x 3 layers"));
  const SafetensorsFile file = SafetensorsFile::open(path);
  const std::string layer = "text_encoder.text_model.encoder.layers.2.self_attn.";
  for (const std::string kind : {"weight", "bias"}) {
    const std::vector<float> packed =
        file.read_f32("cond_stage_model.model.transformer.resblocks.2.attn.in_proj_" + kind);
    std::vector<float> joined;
    for (const char* part : {"q_proj.", "k_proj.", "v_proj."}) {
      CHECK(checkpoint.shape(layer + part + kind)[0] == 192);
      const std::vector<float> rows = checkpoint.read_f32(layer + part + kind);
      joined.insert(joined.end(), rows.begin(), rows.end());
    }
    CHECK(joined == packed);
  }
  CHECK(!checkpoint.has("text_encoder.text_model.encoder.layers.3.layer_norm1.weight"));
  CHECK(!checkpoint.has("text_encoder.text_projection.weight"));
  CHECK(checkpoint.shape("unet.mid_block.attentions.0.proj_in.weight") == Shape{192, 192, 1, 1});
}

TEST_CASE("packed rows that have no three equal parts are an error") {
  const TempFolder folder;
  std::vector<NamedShape> tensors = layout_of("tiny-sd21").tensors;
  for (auto& [name, shape] : tensors)
    if (name.ends_with("resblocks.0.attn.in_proj_bias")) shape[0] += 1;
  write_hole(folder / "odd.safetensors", tensors);
  CHECK_THROWS_WITH_AS(Checkpoint::open(folder / "odd.safetensors"), doctest::Contains("3 tensors of one size"), Error);
}

TEST_CASE("--v2 is for SD 2.x alone") {
  const TempFolder folder;
  for (const char* name : {"tiny-sd15", "tiny-sd21", "tiny-sdxl"}) write_hole(folder / name, layout_of(name).tensors);
  ModelConfig config;
  config.pretrained_model_name_or_path = folder / "tiny-sd21";
  config.v2 = true;
  CHECK(open_checkpoint(config).family().name == "SD 2.x");
  config.pretrained_model_name_or_path = folder / "tiny-sd15";
  CHECK_THROWS_WITH_AS(open_checkpoint(config), doctest::Contains("SD 1.x checkpoint, but --v2"), Error);
  config.pretrained_model_name_or_path = folder / "tiny-sdxl";
  CHECK_THROWS_WITH_AS(open_checkpoint(config), doctest::Contains("SDXL checkpoint, but --v2"), Error);
}

TEST_CASE("a script of sd-scripts trains the checkpoints of its own families alone") {
  const TempFolder folder;
  for (const char* name : {"tiny-sd15", "tiny-sd21", "tiny-sdxl"}) write_hole(folder / name, layout_of(name).tensors);
  for (const auto& [name, own, other] : {std::tuple("tiny-sd15", "train_network.py", "sdxl_train_network.py"),
                                         std::tuple("tiny-sd21", "train_network.py", "sdxl_train_network.py"),
                                         std::tuple("tiny-sdxl", "sdxl_train_network.py", "train_network.py")}) {
    CAPTURE(name);
    ModelConfig config;
    config.pretrained_model_name_or_path = folder / name;
    config.script = own;
    CHECK_NOTHROW(open_checkpoint(config));
    config.script = other;
    CHECK_THROWS_WITH_AS(open_checkpoint(config), doctest::Contains(own), Error);
  }
}

TEST_CASE("the description of full-size SD 1.5 has its well-known numbers") {
  const TempFolder folder;
  write_hole(folder / "sd15.safetensors", layout_of("sd15").tensors);
  const std::string text = Checkpoint::open(folder / "sd15.safetensors").describe();
  CAPTURE(text);
  CHECK(contains(text, "1130 tensors, 1.07 billion parameters (1066235307), f16"));
  CHECK(contains(text, "686 tensors, 859.52 million parameters (859520964)"));
  CHECK(
      contains(text, "U-Net 320, 640, 1280, 1280; context 768; VAE 128, 256, 512, 512; text encoder 768 x 12 layers"));
}

TEST_CASE("what is no Stable Diffusion checkpoint is named for what it is") {
  const TempFolder folder;
  const std::string path = folder / "other.safetensors";
  using Tensors = std::vector<NamedShape>;
  const std::string conv_in = "model.diffusion_model.input_blocks.0.0.weight";
  struct {
    Tensors tensors;
    const char* message;
  } const cases[] = {
      {{{"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", {4, 8}}}, "a LoRA, not a checkpoint"},
      {{{"unet.down_blocks.0.attn.to_q.lora_A.weight", {4, 8}}}, "a LoRA"},
      {{{"lora_unet_x.hada_w1_a", {4, 8}}}, "a LoHa"},
      {{{"control_model.input_blocks.0.0.weight", {4, 4}}}, "a ControlNet"},
      {{{"model.diffusion_model.joint_blocks.0.x.weight", {4}}}, "Stable Diffusion 3"},
      {{{"double_blocks.0.img_attn.qkv.weight", {4}}}, "FLUX"},
      {{{"down_blocks.0.resnets.0.time_emb_proj.weight", {4, 4}}}, "a Diffusers U-Net alone"},
      {{{"decoder.conv_in.weight", {4, 4, 3, 3}}}, "a VAE alone"},
      {{{"first_stage_model.decoder.conv_in.weight", {4, 4, 3, 3}}}, "a VAE alone"},
      {{{"text_model.final_layer_norm.weight", {4}}}, "a text encoder alone"},
      {{{"emb_params", {4, 768}}}, "a textual inversion"},
      {{{"photo.jpg", {4}}}, "not a Stable Diffusion checkpoint: it holds 1 tensors"},
      {{}, "it holds 0 tensors"},
      {{{conv_in, {4, 4, 3, 3}}}, "has no VAE"},
      {{{conv_in, {4, 4, 3, 3}}, {"first_stage_model.quant_conv.bias", {8}}}, "has no text encoder"},
      {{{conv_in, {4, 4, 3, 3}}, {"conditioner.embedders.0.model.x", {8}}}, "refiner"},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.message));
    write_hole(path, c.tensors);
    const std::string error = open_error(path);
    CAPTURE(error);
    CHECK(error.find(path) == 0);
    CHECK(contains(error, c.message));
  }
}

TEST_CASE("an SD 1.x checkpoint with a fault is an error that names the tensor") {
  const TempFolder folder;
  const std::string path = folder / "faulty.safetensors";
  const auto with = [&](const std::string& name, Shape shape) {
    Layout layout = layout_of("tiny-sd15");
    for (auto& tensor : layout.tensors)
      if (tensor.name == name) tensor.shape = shape;
    write_hole(path, layout.tensors);
    return open_error(path);
  };
  CHECK(with("", {}) == "");
  const std::string unet = "model.diffusion_model.";
  CHECK(contains(with(unet + "input_blocks.0.0.weight", {64, 9, 3, 3}), "inpainting"));
  CHECK(contains(with(unet + "input_blocks.0.0.weight", {64, 8, 3, 3}), "InstructPix2Pix"));
  CHECK(contains(with(unet + "input_blocks.0.0.weight", {64}), "expected [C, 4, 3, 3]"));
  CHECK(contains(with(unet + "out.2.bias", {5}), "\"unet.conv_out.bias\" has shape [5], expected [4]"));
  CHECK(contains(with(unet + "input_blocks.1.0.in_layers.2.weight", {65, 64, 3, 3}), "multiple of 32"));
  CHECK(contains(with(unet + "input_blocks.1.0.in_layers.2.weight", {}), "impossible shape []"));
  CHECK(contains(with(unet + "input_blocks.1.0.in_layers.2.weight", {0, 64, 3, 3}), "impossible shape"));

  Layout layout = layout_of("tiny-sd15");
  std::erase_if(layout.tensors, [&](const auto& tensor) { return tensor.name == unet + "middle_block.1.norm.bias"; });
  write_hole(path, layout.tensors);
  CHECK(contains(open_error(path), "no tensor \"unet.mid_block.attentions.0.norm.bias\" (in a single file: \"" + unet +
                                       "middle_block.1.norm.bias\")"));
}

TEST_CASE("files of PyTorch's serve like .safetensors: whole checkpoints, the parts of a folder, an autoencoder") {
  const TempFolder folder;
  const auto canonical = model_tensors(tiny_widths());
  write_hole(folder / "model.safetensors", layout_of("tiny-sd15").tensors);
  const Checkpoint expected = Checkpoint::open(folder / "model.safetensors");
  write_torch(folder / "model.ckpt", layout_of("tiny-sd15").tensors);
  for (const std::string part : {"unet", "text_encoder", "vae"}) {
    std::vector<NamedShape> own;
    for (const auto& [name, shape] : canonical)
      if (name.starts_with(part + ".")) own.push_back({name.substr(part.size() + 1), shape});
    std::filesystem::create_directories(folder / ("diffusers/" + part));
    write_torch(
        folder / ("diffusers/" + part + (part == "text_encoder" ? "/pytorch" : "/diffusion_pytorch") + "_model.bin"),
        own);
  }
  for (const char* name : {"model.ckpt", "diffusers"}) {
    CAPTURE(std::string(name));
    Checkpoint checkpoint = Checkpoint::open(folder / name);
    CHECK(checkpoint.names() == expected.names());
    for (const std::string& tensor : checkpoint.names()) {
      CHECK(checkpoint.shape(tensor) == expected.shape(tensor));
      CHECK(checkpoint.bytes(tensor).size() == expected.bytes(tensor).size());
    }
    checkpoint.replace_vae(folder / "model.ckpt");
    CHECK(checkpoint.names() == expected.names());
  }
}

TEST_CASE("paths that lead to no checkpoint are errors that say what to do") {
  const TempFolder folder;
  CHECK(contains(open_error(folder / "absent.safetensors"), "no such file or folder"));
  CHECK(contains(open_error("somebody/some-model"), "models are not downloaded"));
  CHECK(contains(open_error(folder.path().string()), "no subfolder unet"));
  put_bytes(folder / "model.ckpt", "PK");
  CHECK(contains(open_error(folder / "model.ckpt"), "too few for a safetensors file"));
  std::filesystem::create_directory(folder / "unet");
  CHECK(contains(open_error(folder.path().string()), "no diffusion_pytorch_model.safetensors, .fp16.safetensors or"));
}

namespace {

/// The autoencoder's tensors of these widths under canonical names without "vae.".
std::vector<NamedShape> vae_tensors(const std::vector<int64_t>& widths) {
  ModelWidths all = tiny_widths();
  all.vae = widths;
  std::vector<NamedShape> own;
  for (const auto& [name, shape] : model_tensors(all))
    if (name.starts_with("vae.")) own.push_back({name.substr(4), shape});
  return own;
}

std::vector<NamedShape> renamed(std::vector<NamedShape> tensors, const std::string& prefix, bool single_file) {
  const DiffusersNames names{BlockStructure{}};
  for (auto& [name, shape] : tensors) {
    if (single_file) name = names.to_single_file("vae." + name).value().substr(18);  // without "first_stage_model."
    name = prefix + name;
  }
  return tensors;
}

}  // namespace

TEST_CASE("another autoencoder takes the place of the checkpoint's, under every name that it goes by") {
  const TempFolder folder;
  write_hole(folder / "model.safetensors", layout_of("tiny-sd15").tensors);
  const std::vector<int64_t> widths = {64, 64, 96, 128};  // other ones than the model's
  const auto own = vae_tensors(widths);
  write_hole(folder / "single.safetensors", renamed(own, "", true));
  write_hole(folder / "prefixed.safetensors", renamed(own, "first_stage_model.", true));
  write_hole(folder / "diffusers.safetensors", own);
  auto more = renamed(own, "", true);
  more.push_back({"loss.logvar", {}});
  write_hole(folder / "more.safetensors", more);
  std::filesystem::create_directories(folder / "alone");
  write_hole(folder / "alone/diffusion_pytorch_model.safetensors", own);
  std::filesystem::create_directories(folder / "whole/vae");
  write_hole(folder / "whole/vae/diffusion_pytorch_model.fp16.safetensors", own);
  for (const char* name :
       {"single.safetensors", "prefixed.safetensors", "diffusers.safetensors", "more.safetensors", "alone", "whole"}) {
    CAPTURE(std::string(name));
    Checkpoint checkpoint = Checkpoint::open(folder / "model.safetensors");
    const size_t before = checkpoint.names().size();
    checkpoint.replace_vae(folder / name);
    CHECK(checkpoint.names().size() == before);
    for (const auto& [tensor, shape] : own) CHECK(checkpoint.shape("vae." + tensor) == shape);
    CHECK(checkpoint.shape("unet.conv_in.bias") == Shape{64});
    CHECK(read_widths(checkpoint).vae == widths);
  }
}

TEST_CASE("what is no whole autoencoder does not take the checkpoint's place") {
  const TempFolder folder;
  write_hole(folder / "model.safetensors", layout_of("tiny-sd15").tensors);
  const auto fault = [&](const std::string& path) {
    Checkpoint checkpoint = Checkpoint::open(folder / "model.safetensors");
    return error_of([&] { checkpoint.replace_vae(path); });
  };
  CHECK(contains(fault(folder / "absent.safetensors"), "no such file or folder"));
  CHECK(contains(fault("stabilityai/sd-vae-ft-mse"), "models are not downloaded"));
  put_bytes(folder / "vae.pt", "PK");
  CHECK(contains(fault(folder / "vae.pt"), "too few for a safetensors file"));
  write_hole(folder / "lora.safetensors", {{"lora_unet_x.lora_down.weight", {4, 8}}});
  CHECK(contains(fault(folder / "lora.safetensors"), "this is a LoRA, not an autoencoder"));
  write_hole(folder / "photo.safetensors", {{"photo.jpg", {4, 8}}});
  CHECK(contains(fault(folder / "photo.safetensors"), "no autoencoder of Stable Diffusion"));
  auto tensors = vae_tensors({32, 64, 96, 96});
  write_hole(folder / "vae.safetensors", tensors);
  CHECK(fault(folder / "vae.safetensors") == "");
  const std::string last = tensors.back().name;
  tensors.back().shape = {7};
  write_hole(folder / "vae.safetensors", tensors);
  CHECK(contains(fault(folder / "vae.safetensors"), last + " has shape [7]"));
  tensors.pop_back();
  write_hole(folder / "vae.safetensors", tensors);
  CHECK(contains(fault(folder / "vae.safetensors"), "not complete: it has no " + last));
}
