#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "support/reference.h"

using namespace rankine;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / concat_text("rankine-reduced-", getpid());
  ~Folder() { fs::remove_all(path); }
};

void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

void replace_all(const fs::path& file, const std::string& old_text, const std::string& new_text) {
  std::ifstream in(file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  for (size_t at = 0; (at = text.find(old_text, at)) != std::string::npos; at += new_text.size())
    text.replace(at, old_text.size(), new_text);
  write(file, text);
}

/// A few files of the shipped folder: one gradient and one trajectory under other names, one run, whose folders are
/// called otherwise, the states of the text encoder, and a cache without its picture. There is no other table.
void make_reduced_folder(const fs::path& folder) {
  const fs::path shipped = golden::shipped_folder();
  fs::create_directories(folder);
  for (const char* file : {"manifest.json", "layout_tiny-sd15.json", "caches.json", "tiny-sd15.text.safetensors"})
    fs::copy_file(shipped / file, folder / file);
  for (const auto& [table, old_name, name] :
       {std::array{"gradients.json", "tiny-sd15.grad_unet", "tiny-sd15.first"},
        std::array{"trajectories.json", "tiny-sd15.traj_adamw_accum2_clip1", "tiny-sd15.second"}}) {
    const Json cases = golden::read_shipped_json(table);
    write(folder / table,
          Json({{name, cases.at(old_name)}, {concat_text(name, "_without_tensors"), cases.at(old_name)}}).dump());
    fs::copy_file(shipped / concat_text(old_name, ".safetensors"), folder / concat_text(name, ".safetensors"));
  }
  fs::copy(shipped / "caches", folder / "caches", fs::copy_options::recursive);
  fs::create_directories(folder / "dataset");
  fs::copy(shipped / "dataset" / "3_cat", folder / "dataset" / "03_cat", fs::copy_options::recursive);
  const Json runs = golden::read_shipped_json("e2e_metadata.json");
  const fs::path table = folder / "e2e_metadata.json";
  write(table,
        Json({{"tiny-sd15.from_folders", runs.at("tiny-sd15.folders")}, {"tiny-sd15", runs.at("tiny-sd15")}}).dump());
  replace_all(table, "3_cat", "03_cat");
  replace_all(table, "\"pics\"", "\"photographs/of_cats\"");
}

struct Ended {
  int status;
  std::string output;
};

/// Runs the golden tests of this executable that `filter` leaves, with the cases of `folder`.
Ended golden_tests(const fs::path& folder, const std::string& filter) {
  const std::string command =
      concat_text("OMP_WAIT_POLICY=passive RANKINE_REFERENCE='", folder.string(), "' RANKINE_GOLDEN_ACCOUNT= '",
                  fs::read_symlink("/proc/self/exe").string(), "' --no-intro '", filter, "' 2>&1");
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  char part[4096];
  for (size_t size; (size = fread(part, 1, sizeof part, pipe)) > 0;) output.append(part, size);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

}  // namespace

TEST_CASE("another folder with fewer files and other names gives golden cases of its own") {
  const Folder folder;
  make_reduced_folder(folder.path);
  // One device and one precision are enough here.
  const Ended all = golden_tests(folder.path,
                                 "--test-case-exclude=another folder*,*shipped folder*,*reference loops*,"
                                 "*elementary*,*bf16*,*fp16*,*checkpointing*");
  CAPTURE(all.output);
  CHECK(all.status == 0);
  const auto said = [&](const std::string& text) { return all.output.find(text) != std::string::npos; };
  CHECK(said("golden cases: "));
  CHECK(said("no tensors: 2"));  // the third gradient and trajectory
  CHECK(said("no dataset file: 1"));
  CHECK(said("no picture: 1"));  // the cache
  CHECK(said("no file: "));      // samplers.json and others

  replace_all(folder.path / "gradients.json", "\"loss\":", "\"loss\":1");  // another number: 0.9 becomes 10.9
  CHECK(golden_tests(folder.path, "--test-case=LoRA gradients on the CPU are the recorded ones").status != 0);
  replace_all(folder.path / "e2e_metadata.json", "\"ss_network_dim\":\"2\"", "\"ss_network_dim\":\"3\"");
  CHECK(golden_tests(folder.path, "--test-case=metadata are those*").status != 0);
}
