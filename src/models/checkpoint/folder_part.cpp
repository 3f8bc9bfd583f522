#include "models/checkpoint/folder_part.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/shortened.h"
#include "io/nesting.h"
#include "text/text_file.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestIndex = size_t{64} << 20;

/// A file that may hold, or list, a part's weights.
struct Candidate {
  std::string name{};
  bool is_torch = false;
  std::string variant{};  ///< "fp16"; empty for the usual weights
  bool is_index = false;

  /// The smallest is taken: of one kind an index first, as Diffusers does.
  auto rank() const {
    const auto known = {"", "fp32", "fp16", "bf16"};
    const auto place = std::ranges::find(known, variant) - known.begin();
    return std::tuple(is_torch, place, variant, !is_index);
  }
};

std::vector<std::string> split_at_dots(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t end = 0; end != std::string_view::npos; text.remove_prefix(std::min(end + 1, text.size()))) {
    end = text.find('.');
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
  }
  return parts;
}

/// Reads STEM[.VARIANT].safetensors and STEM.safetensors.index[.VARIANT].json, whose parts come in several orders.
std::optional<Candidate> candidate_of(const std::string& name, const std::string& stem, const std::string& ending,
                                      bool is_torch) {
  if (!name.starts_with(stem + ".")) return std::nullopt;
  std::vector<std::string> parts = split_at_dots(std::string_view(name).substr(stem.size() + 1));
  Candidate candidate{.name = name, .is_torch = is_torch, .variant = {}, .is_index = parts.back() == "json"};
  if (candidate.is_index) {
    parts.pop_back();
    if (std::erase(parts, "index") != 1) return std::nullopt;
  } else if (parts.back() != ending) {
    return std::nullopt;
  }
  if (std::erase(parts, ending) != 1 || parts.size() > 1) return std::nullopt;
  if (!parts.empty()) candidate.variant = parts.front();
  if (candidate.variant.find("-of-") != std::string::npos) return std::nullopt;  // a shard
  return candidate;
}

/// The names of the shards, and for each tensor its shard.
std::map<std::string, std::string> read_index(const std::string& path) {
  const std::string text = read_text_file(path, kLongestIndex).text;
  check_nesting(text, path);
  std::map<std::string, std::string> shard_of;
  try {
    const nlohmann::json index = nlohmann::json::parse(text);
    for (const auto& [tensor, shard] : index.at("weight_map").items()) shard_of[tensor] = shard.get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    fail(path, ": not a list of shards ({\"weight_map\": {TENSOR: FILE}}): ", shortened(error.what()));
  }
  check(!shard_of.empty(), path, ": the list of shards is empty");
  return shard_of;
}

std::vector<TensorFile> open_shards(const fs::path& folder, const std::string& index) {
  const std::string path = (folder / index).string();
  const std::map<std::string, std::string> shard_of = read_index(path);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : shard_of) {
    check(!shard.empty() && fs::path(shard).filename() == shard, path, ": a shard must lie beside it, got \"",
          shortened(shard), "\"");
    names.insert(shard);
  }
  std::vector<TensorFile> files;
  std::map<std::string, size_t> place;
  for (const std::string& name : names) {
    std::error_code unknown;
    check(fs::exists(folder / name, unknown), path, ": of ", names.size(), " shards ", shortened(name),
          " is missing: copy or download it again");
    place[name] = files.size();
    files.push_back(TensorFile::open((folder / name).string()));
  }
  for (const auto& [tensor, shard] : shard_of)
    check(files[place[shard]].find(tensor) != nullptr, files[place[shard]].path(), ": it has no tensor \"",
          shortened(tensor), "\", which ", index, " says it has: do both belong to one model?");
  return files;
}

}  // namespace

std::vector<TensorFile> open_folder_part(const fs::path& folder, const std::string& stem) {
  std::error_code ignored;
  check(fs::is_directory(folder, ignored), folder.parent_path().string(),
        ": not a Diffusers folder: it has no subfolder ", folder.filename().string());
  const std::string pickled = stem == "model" ? "pytorch_model" : stem;  // of transformers
  std::vector<Candidate> candidates;
  std::string shard, other;
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    std::error_code unknown;
    if (!entry->is_regular_file(unknown)) continue;
    const std::string name = entry->path().filename().string();
    std::optional<Candidate> candidate = candidate_of(name, stem, "safetensors", false);
    if (!candidate) candidate = candidate_of(name, pickled, "bin", true);
    if (candidate) {
      candidates.push_back(std::move(*candidate));
      continue;
    }
    if (name.find("-of-") != std::string::npos) shard = std::max(shard, name);
    const std::string suffix = entry->path().extension().string();
    for (const char* known : {".safetensors", ".bin", ".msgpack", ".h5", ".onnx", ".gguf"})
      if (suffix == known) other = std::max(other, name);
  }
  if (candidates.empty())
    fail(folder.string(), ": no ", stem, ".safetensors, .fp16.safetensors or ", pickled, ".bin",
         !shard.empty()
             ? concat_text(", but the shard ", shard, ": copy its list as well, ", stem, ".safetensors.index.json")
         : !other.empty() ? concat_text("; ", other, " is not read")
                          : "");
  const Candidate best = *std::ranges::min_element(candidates, {}, &Candidate::rank);
  if (best.is_index) return open_shards(folder, best.name);
  std::vector<TensorFile> files;
  files.push_back(TensorFile::open((folder / best.name).string()));
  return files;
}

}  // namespace rankine
