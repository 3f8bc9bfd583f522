#include "support/reference.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "support/accounting.h"
#include "support/sanitized.h"
#include "support/source_dir.h"

namespace rankine::golden {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

fs::path shipped_folder() { return fs::path(source_dir()) / "tests" / "reference"; }

fs::path reference_folder() {
  const char* named = std::getenv("RANKINE_REFERENCE");
  const fs::path folder = named != nullptr && *named != '\0' ? fs::path(named) : shipped_folder();
  check(fs::is_directory(folder), folder.string(),
        ": no such folder; RANKINE_REFERENCE must name a folder of the format",
        " that tests/reference/README.md explains");
  return folder;
}

bool reads_shipped_folder() { return fs::equivalent(reference_folder(), shipped_folder()); }

bool is_taken(size_t index, size_t every) { return !reads_shipped_folder() || test::is_taken(index, every); }

bool has_reference(const std::string& name) {
  if (fs::is_regular_file(reference_folder() / name)) return true;
  skipped(name, "no file");
  return false;
}

namespace {

fs::path existing(const fs::path& path) {
  check(fs::is_regular_file(path), path.string(), ": this file of the reference data is missing");
  return path;
}

}  // namespace

fs::path reference_file(std::string_view name) { return existing(reference_folder() / name); }

fs::path shipped_file(std::string_view name) { return existing(shipped_folder() / name); }

namespace {

/// Python's json module writes infinities and NaN as bare words, and some recorded settings are infinite; JSON has no
/// such numbers, and the parser refuses them. Here they become null, as no case reads them.
std::string without_python_words(std::string text) {
  bool in_string = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && in_string) {
      ++at;
    } else if (text[at] == '"') {
      in_string = !in_string;
    } else if (!in_string) {
      for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
        if (text.compare(at, word.size(), word) == 0) text.replace(at, word.size(), "null");
    }
  }
  return text;
}

Json parse_file(const fs::path& path) {
  std::ifstream in(path);
  try {
    return Json::parse(without_python_words({std::istreambuf_iterator<char>(in), {}}));
  } catch (const nlohmann::json::exception& e) {
    fail(path.string(), ": ", e.what());
  }
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

Options options_of(const Json& args) {
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& [name, value] : args.items()) {
    if (value.is_null()) continue;
    std::vector<std::string>& texts = values[name];
    if (value.is_array())
      for (const Json& item : value) texts.push_back(text_of(item));
    else
      texts.push_back(text_of(value));
  }
  return Options(std::move(values));
}

/// "tiny-sd15" of "tiny-sd15.grad_unet".
std::string model_of(const std::string& case_name) { return case_name.substr(0, case_name.find('.')); }

ModelLayout layout_from(const fs::path& path, uint64_t seed) {
  const std::string stem = path.stem().string();
  return {.name = stem.substr(std::string("layout_").size()),
          .kind = parse_file(path).at("kind").get<std::string>(),
          .path = path,
          .seed = seed};
}

/// Of all checkpoints; nothing where the folder doesn't say it.
std::optional<uint64_t> checkpoint_seed() {
  const Json manifest = read_reference_json("manifest.json");
  if (manifest.is_null()) return std::nullopt;
  return manifest.at("checkpoint_seed").get<uint64_t>();
}

bool is_picture(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  static const std::set<std::string> endings = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"};
  return endings.contains(ending);
}

}  // namespace

Json read_reference_json(const std::string& name) {
  return has_reference(name) ? parse_file(reference_file(name)) : Json();
}

Json read_shipped_json(std::string_view name) { return parse_file(shipped_file(name)); }

fs::path dataset_subfolder(const std::string& name) {
  const fs::path dataset = reference_folder() / "dataset";
  if (fs::is_directory(dataset / name)) return dataset / name;
  if (!fs::is_directory(dataset)) return {};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dataset))
    if (entry.is_directory() && entry.path().filename() == name) return entry.path();
  return {};
}

bool has_pictures_of_run(const Json& metadata) {
  for (const char* key : {"ss_dataset_dirs", "ss_reg_dataset_dirs"}) {
    if (!metadata.contains(key)) continue;
    const Json folders = Json::parse(metadata.at(key).get<std::string>());
    for (const auto& [name, facts] : folders.items()) {
      const size_t again = name.rfind(" (");  // a folder that is used twice: "style (2)"
      fs::path folder = dataset_subfolder(name);
      if (folder.empty() && again != std::string::npos) folder = dataset_subfolder(name.substr(0, again));
      if (folder.empty()) return false;
      int64_t pictures = 0;
      for (const fs::directory_entry& entry : fs::directory_iterator(folder)) pictures += is_picture(entry.path());
      if (pictures < facts.at("img_count").get<int64_t>()) return false;
    }
  }
  return true;
}

bool Options::flag(const std::string& name) const { return text(name, "false") == "true"; }

std::string Options::text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? fallback : found->second.front();
}

double Options::number(const std::string& name, double fallback) const {
  return has(name) ? std::stod(text(name, "")) : fallback;
}

std::vector<std::string> Options::list(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::string first_unsupported(const Options& options, std::span<const KnownOption> known) {
  for (const auto& [name, values] : options.all()) {
    if (values == std::vector<std::string>{"false"}) continue;
    const auto option = std::find_if(known.begin(), known.end(), [&](const KnownOption& k) { return k.name == name; });
    if (option == known.end()) {
      const bool says_more = name == "lr_scheduler" || name == "optimizer_type" || name == "loss_type";
      return says_more ? name + " " + values.front() : name;
    }
    if (option->values.empty()) continue;
    for (const std::string& value : values) {
      const std::string head = value.substr(0, value.find('='));
      if (std::find(option->values.begin(), option->values.end(), head) == option->values.end())
        return name + " " + head;
    }
  }
  return {};
}

std::optional<ModelLayout> find_model_layout(const std::string& name) {
  const std::optional<uint64_t> seed = checkpoint_seed();
  const fs::path path = reference_folder() / ("layout_" + name + ".json");
  if (!seed || !fs::is_regular_file(path)) return std::nullopt;
  return layout_from(path, *seed);
}

ModelLayout model_layout(const std::string& name) {
  const std::optional<ModelLayout> layout = find_model_layout(name);
  check(layout.has_value(), reference_folder().string(), ": no layout_", name, ".json, or no manifest.json");
  return *layout;
}

ModelLayout shipped_layout(const std::string& name) {
  return layout_from(shipped_file("layout_" + name + ".json"),
                     read_shipped_json("manifest.json").at("checkpoint_seed").get<uint64_t>());
}

std::vector<OutputFile> output_files(std::string_view part) {
  const std::optional<uint64_t> seed = checkpoint_seed();
  std::vector<OutputFile> files;
  if (!seed) return files;
  for (const fs::directory_entry& entry : fs::directory_iterator(reference_folder())) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("layout_") || entry.path().extension() != ".json") continue;
    const ModelLayout model = layout_from(entry.path(), *seed);
    const fs::path tensors = reference_folder() / (model.name + "." + std::string(part) + ".safetensors");
    if (fs::exists(tensors)) files.push_back({model, tensors});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.model.name < b.model.name; });
  return files;
}

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> cases;
  const Json table = read_reference_json("gradients.json");  // named: items() refers to it
  for (const auto& [name, entry] : table.items()) {
    GradientCase c;
    c.name = name;
    c.model = model_of(name);
    c.tensors = reference_folder() / (name + ".safetensors");
    c.rank = entry.at("rank").get<int>();
    c.alpha = entry.at("alpha").get<double>();
    if (const Json& conv = entry.at("conv"); !conv.is_null())
      c.conv = {conv.at(0).get<int>(), conv.at(1).get<double>()};
    c.text_encoder = entry.at("te").get<bool>();
    c.seed = entry.at("seed").get<uint64_t>();
    c.loss = entry.at("loss").get<double>();
    c.no_gradient = entry.at("no_gradient").get<std::vector<std::string>>();
    c.options = options_of(entry.at("args"));
    cases.push_back(std::move(c));
  }
  return cases;
}

std::vector<TrajectoryCase> trajectory_cases() {
  std::vector<TrajectoryCase> cases;
  const Json table = read_reference_json("trajectories.json");  // named: items() refers to it
  for (const auto& [name, entry] : table.items()) {
    TrajectoryCase c;
    c.name = name;
    c.model = model_of(name);
    c.tensors = reference_folder() / (name + ".safetensors");
    c.rank = entry.at("rank").get<int>();
    c.alpha = entry.at("alpha").get<double>();
    c.text_encoder = entry.at("te").get<bool>();
    c.seed = entry.at("seed").get<uint64_t>();
    c.micro_batches = entry.at("micro_batches").get<int>();
    c.lr_descriptions = entry.at("lr_descriptions").get<std::vector<std::string>>();
    c.loss = entry.at("loss").get<std::vector<double>>();
    c.lr = entry.at("lr").get<std::vector<std::vector<double>>>();
    for (const Json& norm : entry.at("grad_norm"))
      c.grad_norm.push_back(norm.is_null() ? std::nullopt : std::optional(norm.get<double>()));
    c.d = entry.at("d").get<std::vector<std::vector<double>>>();
    if (entry.contains("max_norm")) c.max_norm = entry.at("max_norm").get<std::vector<std::vector<double>>>();
    c.network_args = options_of(entry.at("network_args"));
    c.options = options_of(entry.at("args"));
    cases.push_back(std::move(c));
  }
  return cases;
}

std::vector<std::string> tensor_names(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  uint64_t header_bytes = 0;
  in.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
  check(in && header_bytes < fs::file_size(file), file.string(), ": not a safetensors file");
  std::string header(header_bytes, '\0');
  in.read(header.data(), static_cast<std::streamsize>(header_bytes));
  std::vector<std::string> names;
  const Json table = Json::parse(header);
  for (const auto& [name, entry] : table.items())
    if (name != "__metadata__") names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> tensor_groups(const fs::path& file) {
  std::set<std::string> groups;
  for (const std::string& name : tensor_names(file)) groups.insert(name.substr(0, name.find('.')));
  return {groups.begin(), groups.end()};
}

}  // namespace rankine::golden
