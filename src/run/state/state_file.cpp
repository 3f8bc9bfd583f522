#include "run/state/state_file.h"

#include <charconv>
#include <cmath>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/shortened.h"
#include "io/safetensors.h"
#include "io/sha256.h"
#include "run/state/state_checksum.h"
#include "run/former_settings.h"

namespace rankine {
namespace {

using Metadata = std::map<std::string, std::string>;

// Format 1 has no flat groups; it is read, too.
constexpr std::string_view kFormat = "rankine training state 2", kFirstFormat = "rankine training state 1";
constexpr std::string_view kSetting = "setting.", kVariable = "variable.", kFlat = "flat.";
constexpr std::string_view kLosses = "recent_losses";

/// Reads back as the same number.
std::string shortest_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

void update(Sha256& sha, std::string_view text) {
  // The length keeps "ab" + "c" apart from "a" + "bc".
  const std::string length = std::to_string(text.size()) + ":";
  sha.update(std::as_bytes(std::span(length)));
  sha.update(std::as_bytes(std::span(text)));
}

/// Of all metadata but the checksum itself, and of every tensor in the order of names.
std::string checksum(const Metadata& metadata, const std::map<std::string, std::span<const std::byte>>& tensors) {
  Sha256 sha;
  for (const auto& [key, value] : metadata) {
    if (key == "sha256") continue;
    update(sha, key);
    update(sha, value);
  }
  for (const auto& [name, bytes] : tensors) {
    update(sha, name);
    update(sha, std::to_string(bytes.size()));
    sha.update(bytes);
  }
  return sha.hex();
}

template <class T>
T number(const std::string& path, const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  check(found != metadata.end(), path, ": \"", key, "\" is missing");
  const std::string& text = found->second;
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc{} && end == text.data() + text.size(), path, ": \"", key,
        "\" is no number: ", shortened(text));
  return value;
}

/// The same, or `otherwise` where there is none: what states had not from the beginning.
template <class T>
T number(const std::string& path, const Metadata& metadata, const char* key, T otherwise) {
  return metadata.contains(key) ? number<T>(path, metadata, key) : otherwise;
}

/// A flat group's tensors, "COUNT NAME" on a line each.
std::string members_text(const std::vector<FlatMember>& members) {
  std::string text;
  for (const FlatMember& member : members) text += concat_text(member.count, ' ', member.name, '\n');
  return text;
}

std::vector<FlatMember> parse_members(const std::string& path, const std::string& text) {
  std::vector<FlatMember> members;
  int64_t total = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    FlatMember member;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), member.count);
    const auto at = static_cast<size_t>(end - line.data());
    constexpr int64_t kMost = int64_t{1} << 40;
    check(error == std::errc{} && at + 1 < line.size() && line[at] == ' ' && member.count > 0 && member.count < kMost &&
              (total += member.count) < kMost,
          path, ": expected a count and a tensor's name, got ", shortened(line));
    member.name = line.substr(at + 1);
    members.push_back(std::move(member));
  }
  return members;
}

TensorToWrite tensor(const std::string& name, const std::vector<float>& values) {
  return {name, DType::f32, {static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values))};
}

}  // namespace

void write_state(const std::string& path, const TrainingState& state) {
  Metadata metadata = {{"format", std::string(kFormat)},
                       {"step", std::to_string(state.position.step)},
                       {"updates", std::to_string(state.position.updates)},
                       {"skipped", std::to_string(state.position.skipped)},
                       {"loss_scale", shortest_text(state.position.loss_scale.scale)},
                       {"loss_scale_clean_steps", std::to_string(state.position.loss_scale.clean_steps)},
                       {"rollbacks", std::to_string(state.position.rollbacks)},
                       {"seed", std::to_string(state.seed)}};
  for (const auto& [key, value] : state.settings) metadata[std::string(kSetting) + key] = value;
  for (const auto& [group, members] : state.flat) metadata[std::string(kFlat) + group] = members_text(members);
  std::vector<TensorToWrite> tensors = {tensor(std::string(kLosses), state.position.losses)};
  for (const StateVariable& v : state.variables) tensors.push_back(tensor(std::string(kVariable) + v.name, v.values));
  std::map<std::string, std::span<const std::byte>> summed;
  for (const TensorToWrite& t : tensors) summed[t.name] = t.bytes;
  metadata["sha256"] = checksum(metadata, summed);
  write_safetensors(path, tensors, metadata);
}

std::vector<FlatMember> tensors_of(const FlatGroups& flat, const std::string& variable, int64_t count) {
  for (const auto& [group, members] : flat) {
    if (variable != group && !variable.ends_with("." + group)) continue;
    int64_t total = 0;
    for (const FlatMember& member : members) total += member.count;
    if (total != count) continue;  // one number of the whole group
    std::vector<FlatMember> tensors = members;
    for (FlatMember& tensor : tensors) tensor.name.insert(0, variable, 0, variable.size() - group.size());
    return tensors;
  }
  return {{variable, count}};
}

std::string state_checksum(const SafetensorsFile& file) {
  std::map<std::string, std::span<const std::byte>> summed;
  for (const TensorInfo& t : file.tensors()) summed[t.name] = file.bytes(t);
  return checksum(file.metadata(), summed);
}

TrainingState read_state(const std::string& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  const Metadata& metadata = file.metadata();
  const auto format = metadata.find("format");
  check(format != metadata.end() && (format->second == kFormat || format->second == kFirstFormat), path,
        ": this is no training state; --resume takes what ",
        "an earlier run saved as NAME.state, or a folder NAME-state");
  const auto told = metadata.find("sha256");
  check(told != metadata.end() && told->second == state_checksum(file), path,
        ": the file is damaged: its checksum does not fit its contents");

  TrainingState state;
  state.position.step = number<int64_t>(path, metadata, "step");
  state.position.updates = number<int64_t>(path, metadata, "updates");
  state.position.skipped = number<int64_t>(path, metadata, "skipped", 0);
  LossScaleState& scale = state.position.loss_scale;
  scale.scale = number<double>(path, metadata, "loss_scale", scale.scale);
  scale.clean_steps = number<int64_t>(path, metadata, "loss_scale_clean_steps", scale.clean_steps);
  state.position.rollbacks = number<int64_t>(path, metadata, "rollbacks", 0);
  state.seed = number<uint64_t>(path, metadata, "seed");
  check(state.position.step >= 0 && state.position.updates >= 0 && state.position.skipped >= 0, path,
        ": the step is below 0");
  check(state.position.rollbacks >= 0 && state.position.rollbacks < 64, path, ": the number of rollbacks is ",
        state.position.rollbacks);
  int exponent = 0;
  check(std::isfinite(scale.scale) && std::frexp(scale.scale, &exponent) == 0.5 && scale.clean_steps >= 0, path,
        ": the loss scale is no power of two: ", scale.scale);
  check(exponent <= 128, path, ": the loss scale is more than f32 holds: ", scale.scale);
  for (const auto& [key, value] : metadata) {
    if (key.starts_with(kSetting)) state.settings[key.substr(kSetting.size())] = value;
    if (key.starts_with(kFlat)) state.flat[key.substr(kFlat.size())] = parse_members(path, value);
  }
  state.settings = todays_settings(std::move(state.settings));
  state.position.losses = file.read_f32(kLosses);
  for (const TensorInfo& t : file.tensors())
    if (t.name.starts_with(kVariable))
      state.variables.push_back({t.name.substr(kVariable.size()), file.read_f32(t.name)});
  return state;
}

}  // namespace rankine
