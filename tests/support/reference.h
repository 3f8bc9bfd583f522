#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine::golden {

/// The folder with the recorded numbers: RANKINE_REFERENCE if that is set, else tests/reference of the source tree.
/// Its format is explained in tests/reference/README.md. Throws Error where RANKINE_REFERENCE names no folder.
std::filesystem::path reference_folder();

/// True if that folder has the file. Else notes that `name` is skipped: another folder may hold fewer files.
bool has_reference(const std::string& name);

/// A file of that folder; throws Error where it is missing.
std::filesystem::path reference_file(std::string_view name);

/// A JSON table of that folder, members in the file's order. Null where the folder lacks it; then `name` is noted as
/// skipped. Throws Error where it is not JSON.
nlohmann::ordered_json read_reference_json(const std::string& name);

/// The folder of the source tree. Tests that expect certain names, sizes or pictures read it, whatever
/// RANKINE_REFERENCE says.
std::filesystem::path shipped_folder();
std::filesystem::path shipped_file(std::string_view name);
nlohmann::ordered_json read_shipped_json(std::string_view name);

/// True if the golden cases come from that folder, so that none may be missing.
bool reads_shipped_folder();

/// True for the cases to take, of a list of like ones: all of another folder, of the shipped one those of
/// test::is_taken.
bool is_taken(size_t index, size_t every);

/// The options of a case as recorded: a name and its value as a user would write it; a list has several values.
class Options {
 public:
  Options() = default;
  explicit Options(std::map<std::string, std::vector<std::string>> values) : values_(std::move(values)) {}

  bool has(const std::string& name) const { return values_.contains(name); }
  bool flag(const std::string& name) const;
  std::string text(const std::string& name, const std::string& fallback) const;
  double number(const std::string& name, double fallback) const;
  std::vector<std::string> list(const std::string& name) const;
  const std::map<std::string, std::vector<std::string>>& all() const { return values_; }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

/// An option that is built; with `values`, only with one of these. For a list such as optimizer_args the values are
/// the names that may stand before the `=` of its items.
struct KnownOption {
  std::string name;
  std::vector<std::string> values = {};
};

/// The first option of a case that is not built, as the reason to skip it ("loss_type huber", "masked_loss"); empty
/// where all are. Options that are switched off (false) never stand in the way.
std::string first_unsupported(const Options& options, std::span<const KnownOption> known);

/// One layout_NAME.json: a model whose checkpoint is made by the synthetic rule.
struct ModelLayout {
  std::string name;            ///< "tiny-sd15"; its files start with it
  std::string kind;            ///< "sd1", "sd2" or "sdxl"
  std::filesystem::path path;  ///< of the layout file
  uint64_t seed = 1;           ///< of the checkpoint all cases use
};

/// The layout of a model; nothing where the folder has none of that name or no manifest.json with its seed.
std::optional<ModelLayout> find_model_layout(const std::string& name);

/// The same; throws Error where there is none.
ModelLayout model_layout(const std::string& name);

/// A layout of the shipped folder.
ModelLayout shipped_layout(const std::string& name);

/// True if the folder's dataset/ holds as many pictures as a recorded run counted in each of its folders: its metadata
/// name the folders.
bool has_pictures_of_run(const nlohmann::ordered_json& metadata);

/// The place of a folder of that name within the folder's dataset/; empty where there is none.
std::filesystem::path dataset_subfolder(const std::string& name);

/// A file of recorded outputs: NAME.text.safetensors, NAME.vae.safetensors or NAME.unet.safetensors.
struct OutputFile {
  ModelLayout model;
  std::filesystem::path path;
};

/// The files of recorded outputs of `part` (text, vae, unet, samplers) that the folder holds, one a model at most.
std::vector<OutputFile> output_files(std::string_view part);

/// One entry of gradients.json with the file of its tensors (which a trimmed folder may lack).
struct GradientCase {
  std::string name;   ///< "tiny-sd15.grad_unet"
  std::string model;  ///< "tiny-sd15"
  std::filesystem::path tensors;
  int rank = 0;
  double alpha = 0;
  std::optional<std::pair<int, double>> conv;  ///< conv_dim and conv_alpha
  bool text_encoder = false;                   ///< the text encoder is trained too
  uint64_t seed = 0;                           ///< of the LoRA's synthetic weights
  double loss = 0;
  std::vector<std::string> no_gradient;  ///< keys that receive none
  Options options;
};
std::vector<GradientCase> gradient_cases();

/// One entry of trajectories.json. The vectors have one element a micro-batch.
struct TrajectoryCase {
  std::string name;
  std::string model;
  std::filesystem::path tensors;
  int rank = 0;
  double alpha = 0;
  bool text_encoder = false;
  uint64_t seed = 0;  ///< of lora_down's synthetic weights; lora_up starts at zero
  int micro_batches = 0;
  std::vector<std::string> lr_descriptions;  ///< the parameter groups, in order
  std::vector<double> loss;
  std::vector<std::vector<double>> lr;  ///< in force, one a group
  std::vector<std::optional<double>>
      grad_norm;                              ///< before clipping; none without an optimizer step or without clipping
  std::vector<std::vector<double>> d;         ///< of Prodigy and D-Adaptation, after each update; else empty
  std::vector<std::vector<double>> max_norm;  ///< with scale_weight_norms: modules scaled, mean and largest norm
  Options network_args;
  Options options;
};
std::vector<TrajectoryCase> trajectory_cases();

/// The names of all tensors in a safetensors file, sorted.
std::vector<std::string> tensor_names(const std::filesystem::path& file);

/// The parts before the first dot of the tensors' names, without repeats: "case0", "case1" …
std::vector<std::string> tensor_groups(const std::filesystem::path& file);

}  // namespace rankine::golden
