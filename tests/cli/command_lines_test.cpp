// The lines and files of command_lines/, each as it stands, through the program itself.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/error.h"
#include "data/temporary_folder.h"
#include "io/safetensors.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "support/sanitized.h"
#include "support/source_dir.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

const fs::path files = source_dir() + "/tests/cli/command_lines";

void add_pictures(const TemporaryFolder& folder, const std::string& subfolder, int count, int width, int height) {
  for (int i = 1; i <= count; ++i) {
    const std::string name = concat_text(subfolder, '/', i);
    folder.picture(name + ".png", width, height, i);
    folder.text(name + ".txt", concat_text("sks dog, {sitting|running}, number ", i));
  }
}

/// The autoencoder of a checkpoint alone, as people download it.
void write_vae(const std::string& checkpoint, const std::string& path) {
  const SafetensorsFile whole = SafetensorsFile::open(checkpoint);
  constexpr std::string_view prefix = "first_stage_model.";
  std::vector<TensorToWrite> tensors;
  for (const TensorInfo& info : whole.tensors())
    if (info.name.starts_with(prefix))
      tensors.push_back({info.name.substr(prefix.size()), info.dtype, info.shape, whole.bytes(info)});
  write_safetensors(path, tensors, {});
}

/// The folders, models and programs that the lines name.
struct Workplace : TemporaryFolder {
  Workplace() {
    fs::copy(files, path(""), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    add_pictures(*this, "img/10_sks dog", 3, 96, 64);
    add_pictures(*this, "img/5_cat", 2, 64, 96);
    add_pictures(*this, "reg/1_dog", 2, 64, 64);
    for (int i = 1; i <= 3; ++i) picture(concat_text("masks/", i, ".png"), 96, 64, i + 10);
    fs::create_directories(path("models"));
    write_synthetic_checkpoint(layout_of("tiny-sd15"), 1, path("models/v1-5-pruned-emaonly.safetensors"));
    write_synthetic_checkpoint(layout_of("tiny-sd15"), 2, path("models/AnyLoRA_noVae_fp16-pruned.safetensors"));
    write_vae(path("models/v1-5-pruned-emaonly.safetensors"), path("models/vae-ft-mse-840000-ema-pruned.safetensors"));
    write_synthetic_checkpoint(layout_of("tiny-sd21"), 1, path("models/v2-1_768-ema-pruned.safetensors"));
    write_synthetic_checkpoint(layout_of("tiny-sd21"), 2, path("models/v2-1_512-ema-pruned.safetensors"));
    write_synthetic_checkpoint(layout_of("tiny-sdxl"), 1, path("models/sd_xl_base_1.0.safetensors"));
    for (const char* other : {"NoobAI-XL-Vpred-v1.0", "ponyDiffusionV6XL_v6StartWithThisOne", "Illustrious-XL-v0.1"})
      fs::create_hard_link(path("models/sd_xl_base_1.0.safetensors"),
                           path(concat_text("models/", other, ".safetensors")));
    write_vae(path("models/sd_xl_base_1.0.safetensors"), path("models/sdxl_vae.safetensors"));
    fs::create_directories(path("bin"));
    for (const std::string name : {"accelerate", "python", "python3", "train_network.py", "sdxl_train_network.py"}) {
      text("bin/" + name, concat_text("#!/bin/sh\nexec '", RANKINE_PROGRAM, "' ", name, " \"$@\"\n"));
      fs::permissions(path("bin/" + name), fs::perms::owner_all);
    }
  }

  /// Runs a file of command_lines/ here: its exit status, and what it said.
  std::pair<int, std::string> run(const std::string& file) const {
    const std::string program = concat_text("'", RANKINE_PROGRAM, "' train --config_file ");
    const std::string command = (file.ends_with(".sh") ? "sh -e " : program) + file;
    const std::string log = path(file + ".log");
    const int status = std::system(concat_text("cd '", path(""), "' && PATH='", path("bin"), "':\"$PATH\" ", command,
                                               " > '", log, "' 2>&1 < /dev/null")
                                       .c_str());
    std::ifstream in(log);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, {std::istreambuf_iterator<char>(in), {}}};
  }
};

/// A file of command_lines/ and what it must leave in output/, the LoRA of that name first.
struct Line {
  std::string file;
  std::vector<std::string> outputs;
};

const std::vector<Line> lines = {
    {"readme_example.sh", {"readme_example.safetensors"}},
    {"notebook_cell.sh", {"notebook_cell.safetensors"}},
    {"gui_printed.sh", {"gui_printed.safetensors"}},
    {"prodigy.sh", {"prodigy.safetensors"}},
    {"dadaptation.sh", {"dadaptation.safetensors"}},
    {"adafactor.sh", {"adafactor.safetensors", "adafactor-step00000001.safetensors"}},
    {"lion_short_names.sh", {"lion_short_names.safetensors"}},
    {"locon_blocks.sh", {"locon_blocks.safetensors"}},
    {"loraplus.sh", {"loraplus.safetensors"}},
    {"noise_and_snr.sh", {"noise_and_snr.safetensors"}},
    {"masked_loss.sh", {"masked_loss.safetensors"}},
    {"sample_pictures.sh", {"sample_pictures.safetensors", "sample"}},
    {"save_and_resume.sh",
     {"save_and_resume_more.safetensors", "save_and_resume.safetensors", "save_and_resume-step00000002-state",
      "save_and_resume-state"}},
    {"from_another_lora.sh", {"from_another_lora.safetensors", "first_round.safetensors"}},
    {"metadata_json.sh", {"metadata_json.ckpt"}},
    {"validation.sh", {"validation.safetensors"}},
    {"config_by_sections.toml", {"config_by_sections.safetensors"}},
    {"config_flat.toml", {"config_flat.safetensors"}},
    {"gui_preset.json", {"gui_preset.safetensors"}},
    {"gui_preset_locon.json", {"gui_preset_locon.safetensors"}},
    {"sdxl_two_text_encoder_rates.sh", {"sdxl_two_text_encoder_rates.safetensors"}},
    {"sdxl_unet_only.sh", {"sdxl_unet_only.safetensors"}},
    {"sdxl_gui_printed.sh", {"sdxl_gui_printed.safetensors"}},
    {"noobai_v_prediction.sh", {"noobai_v_prediction.safetensors"}},
    {"pony_prodigy.sh", {"pony_prodigy.safetensors"}},
    {"sdxl_locon_blocks.sh", {"sdxl_locon_blocks.safetensors"}},
    {"sdxl_samples.sh", {"sdxl_samples.safetensors", "sample"}},
    {"sdxl_several_resolutions.sh", {"sdxl_several_resolutions.safetensors"}},
    {"illustrious.toml", {"illustrious.safetensors"}},
    {"gui_preset_sdxl.json", {"gui_preset_sdxl.safetensors"}},
    {"sd21_768_v.sh", {"sd21_768_v.safetensors"}},
    {"sd21_base.sh", {"sd21_base.safetensors"}},
};

}  // namespace

TEST_CASE("command lines, config files and presets of sd-scripts train unchanged: twenty of SD 1.x, twelve of others") {
  CHECK(lines.size() >= 32);
  const Workplace place;
  size_t index = 0;
  for (const Line& line : lines) {
    if (!is_taken(index++, 3)) continue;
    const auto [status, said] = place.run(line.file);
    CAPTURE(line.file);
    CAPTURE(said);
    CHECK(status == 0);
    if (status != 0) continue;
    for (const std::string& output : line.outputs) {
      CAPTURE(output);
      CHECK(fs::exists(place.path("output/" + output)));
    }
    const fs::path lora = line.outputs[0];
    if (lora.extension() != ".safetensors") continue;
    const SafetensorsFile saved = SafetensorsFile::open(place.path("output/" + lora.string()));
    CHECK(saved.metadata().at("ss_output_name") == lora.stem().string());
    CHECK((saved.find("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight") ||
           saved.find("lora_unet_middle_block_1_proj_in.lora_up.weight")));
    CHECK(saved.metadata().contains("sshs_model_hash"));
  }
}

TEST_CASE("every file of command_lines/ is run") {
  std::set<std::string> known, there;
  for (const Line& line : lines) known.insert(line.file);
  for (const auto& entry : fs::directory_iterator(files)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".sh" || extension == ".toml" || extension == ".json")
      there.insert(entry.path().filename().string());
  }
  CHECK(known == there);
}

TEST_CASE("the program has the same threads after it has started itself again, also where threads are bound") {
  const TemporaryFolder folder;
  for (const std::string bound :
       {"OMP_PROC_BIND=close", "OMP_PROC_BIND=spread OMP_PLACES=cores", "GOMP_CPU_AFFINITY=0-63"}) {
    CAPTURE(bound);
    const std::string log = folder.path("log");
    const std::string command =
        concat_text("env -u OMP_NUM_THREADS -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT OMP_DISPLAY_ENV=true ", bound, " '",
                    RANKINE_PROGRAM, "' help > '", log, "' 2>&1");
    REQUIRE(std::system(command.c_str()) == 0);
    std::ifstream in(log);
    std::vector<std::string> threads;  // as each start of the library tells them
    for (std::string line; std::getline(in, line);)
      if (line.find("OMP_NUM_THREADS") != std::string::npos) threads.push_back(line);
    REQUIRE(threads.size() == 2);
    CHECK(threads[0] == threads[1]);
  }
}
