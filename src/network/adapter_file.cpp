#include "network/adapter_file.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/shortened.h"
#include "io/atomic_file.h"
#include "io/convert.h"
#include "io/file_hash.h"
#include "io/safetensors.h"
#include "io/sha256.h"
#include "io/torch_file.h"

namespace rankine {
namespace {

constexpr std::string_view alpha_suffix = ".alpha", down_suffix = ".lora_down.weight", up_suffix = ".lora_up.weight";

// The tensors of a file in its element type. TensorToWrite only views bytes, which live in `storage`.
struct Tensors {
  std::vector<std::vector<std::byte>> storage;
  std::vector<TensorToWrite> tensors;

  void add(std::string name, DType dtype, Shape shape, std::span<const float> values) {
    check(static_cast<int64_t>(values.size()) == count_of(shape), name, ": ", as_text(shape), " is not ", values.size(),
          " values");
    std::vector<std::byte> bytes(values.size() * size_of(dtype));
    convert_from_f32(values, dtype, bytes);
    std::vector<float> stored(values.size());
    convert_to_f32(dtype, bytes, stored);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        throw NonFiniteWeightError(concat_text(name, " is not finite (", values[i], " at element ", i,
                                               "): the LoRA is not saved; an earlier save is the last good one"));
      check(std::isfinite(stored[i]), name, ": ", values[i], " at element ", i, " is too large for ", dtype,
            ": try --save_precision bf16 or float");
    }
    storage.push_back(std::move(bytes));
    tensors.push_back({std::move(name), dtype, std::move(shape), storage.back()});
  }
};

Tensors tensors_of(std::span<const AdaptedLayer> modules, std::span<const LoraTensors> weights, DType dtype) {
  check(modules.size() == weights.size(), "LoRA: ", modules.size(), " modules but weights of ", weights.size());
  Tensors all;
  for (size_t i = 0; i < modules.size(); ++i) {
    const AdaptedLayer& m = modules[i];
    const float alpha = static_cast<float>(m.alpha);
    all.add(concat_text(m.key, alpha_suffix), dtype, {}, std::span(&alpha, 1));
    all.add(concat_text(m.key, down_suffix), dtype, m.down_shape(), weights[i].down);
    all.add(concat_text(m.key, up_suffix), dtype, m.up_shape(), weights[i].up);
  }
  return all;
}

AdapterHashes hash_tensors(std::span<const TensorToWrite> tensors, const std::map<std::string, std::string>& metadata) {
  std::map<std::string, std::string> training_facts;
  for (const auto& [key, value] : metadata) {
    if (key.starts_with("ss_")) training_facts.emplace(key, value);
  }
  constexpr size_t window_begin = 0x100000, window_end = window_begin + 0x10000;
  Sha256 data, window;
  size_t position = 0;
  serialize_safetensors(tensors, training_facts, [&](std::span<const std::byte> part) {
    if (position > 0) data.update(part);  // the first part is the header
    const size_t begin = std::max(position, window_begin), end = std::min(position + part.size(), window_end);
    if (begin < end) window.update(part.subspan(begin - position, end - begin));
    position += part.size();
  });
  return {data.hex(), window.hex().substr(0, 8)};
}

// A full disk or a bad one must not be found out when the LoRA is used.
void verify_saved(const std::string& path, std::span<const TensorToWrite> tensors, const std::string& data_hash) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  check(file.tensors().size() == tensors.size(), path, ": ", tensors.size(), " tensors were saved, but ",
        file.tensors().size(), " are there; save it again, to another disk");
  for (const TensorToWrite& written : tensors) {
    const TensorInfo& there = file.at(written.name);
    check(there.dtype == written.dtype && there.shape == written.shape, path, ": ", written.name, " was saved as ",
          written.dtype, as_text(written.shape), ", but is ", there.dtype, as_text(there.shape));
    std::vector<float> values(static_cast<size_t>(count_of(there.shape)));
    file.read_f32(there, values);
    for (const float value : values) check(std::isfinite(value), path, ": ", written.name, " is not finite");
  }
  check(sha256_hex(file.data()) == data_hash, path,
        ": the data on the disk are not those that were saved; save it again, to another disk");
}

void save_for_torch(const std::string& path, std::span<const TensorToWrite> tensors) {
  const std::string bytes = serialize_torch(tensors);
  write_file(path, bytes);
  check(sha256_of_file(path) == sha256_hex(std::as_bytes(std::span(bytes))), path,
        ": the data on the disk are not those that were saved; save it again, to another disk");
}

std::vector<float> read_finite(const TensorFile& file, const TensorInfo& info) {
  std::vector<float> values(static_cast<size_t>(count_of(info.shape)));
  file.read_f32(info, values);
  for (const float value : values) check(std::isfinite(value), file.path(), ": ", info.name, " is not finite");
  return values;
}

// The first few of many names, for a message.
std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(3, names.size()); ++i) text += (i ? ", " : "") + shortened(names[i]);
  if (names.size() > 3) text += concat_text(" and ", names.size() - 3, " more");
  return text;
}

LoadedLora read_module(const TensorFile& file, const AdaptedLayer& adapted, const TensorInfo* alpha,
                       const TensorInfo* down, const TensorInfo* up) {
  check(down && up, file.path(), ": ", adapted.key, " has no ", down ? up_suffix.substr(1) : down_suffix.substr(1));
  check(!down->shape.empty() && down->shape[0] > 0, file.path(), ": ", down->name, " has the shape ",
        as_text(down->shape), ", in which there is no rank");
  LoadedLora loaded{.module = adapted, .down = {}, .up = {}};
  AdaptedLayer& module = loaded.module;
  module.rank = down->shape[0];
  module.alpha = static_cast<double>(module.rank);
  for (const auto& [info, expected] : {std::pair{down, module.down_shape()}, std::pair{up, module.up_shape()}}) {
    check(info->shape == expected, file.path(), ": ", info->name, " is ", as_text(info->shape),
          ", but this model needs ", as_text(expected), ": is the LoRA for another model?");
  }
  if (alpha) {
    check(count_of(alpha->shape) == 1, file.path(), ": ", alpha->name, " must be one number, got ",
          as_text(alpha->shape));
    module.alpha = read_finite(file, *alpha)[0];
  }
  loaded.down = read_finite(file, *down);
  loaded.up = read_finite(file, *up);
  return loaded;
}

/// Throws Error, with the option to change, where a file's module has another rank or alpha than the one that trains.
void check_same_network(const std::string& path, const AdaptedLayer& there, const AdaptedLayer& wanted) {
  const bool conv = wanted.is_conv() && wanted.weight[2] * wanted.weight[3] > 1;
  const auto advice = [](const auto& value) {
    return concat_text(": set it to ", value,
                       ", take the file's with --dim_from_weights, or train without these weights");
  };
  const char *dim = conv ? "conv_dim" : "network_dim", *alpha = conv ? "conv_alpha" : "network_alpha";
  check(there.rank == wanted.rank, path, ": ", there.key, " has rank ", there.rank, ", but ", dim, " is ", wanted.rank,
        advice(there.rank));
  // Files in half precision hold a rounded alpha.
  check(std::abs(there.alpha - wanted.alpha) <= 0x1p-8 * std::abs(wanted.alpha), path, ": ", there.key, " has alpha ",
        there.alpha, ", but ", alpha, " is ", wanted.alpha, advice(there.alpha));
}

}  // namespace

DType saved_dtype(std::string_view save_precision) {
  if (save_precision.empty() || save_precision == "float") return DType::f32;
  if (save_precision == "fp16") return DType::f16;
  if (save_precision == "bf16") return DType::bf16;
  fail("save_precision: \"", save_precision, "\" is unknown; there are float, fp16 and bf16");
}

AdapterHashes hash_lora(std::span<const AdaptedLayer> modules, std::span<const LoraTensors> weights, DType dtype,
                        const std::map<std::string, std::string>& metadata) {
  return hash_tensors(tensors_of(modules, weights, dtype).tensors, metadata);
}

void save_lora(const std::string& path, std::span<const AdaptedLayer> modules, std::span<const LoraTensors> weights,
               DType dtype, const std::map<std::string, std::string>& metadata) {
  const Tensors all = tensors_of(modules, weights, dtype);
  if (path.ends_with(".ckpt") || path.ends_with(".pt")) return save_for_torch(path, all.tensors);
  const AdapterHashes hashes = hash_tensors(all.tensors, metadata);
  std::map<std::string, std::string> complete = metadata;
  complete["sshs_model_hash"] = hashes.model_hash;
  complete["sshs_legacy_hash"] = hashes.legacy_hash;
  write_safetensors(path, all.tensors, complete);
  verify_saved(path, all.tensors, hashes.model_hash);
}

std::vector<LoadedLora> read_lora(const std::string& path, std::span<const AdaptedLayer> adaptable) {
  const TensorFile file = TensorFile::open(path);
  struct Parts {
    const TensorInfo *alpha = nullptr, *down = nullptr, *up = nullptr;
  };
  std::unordered_map<std::string_view, Parts> known;
  for (const AdaptedLayer& module : adaptable) known.emplace(module.key, Parts{});
  std::vector<std::string> unexpected;
  for (const TensorInfo& info : file.tensors()) {
    const size_t dot = info.name.find('.');
    const auto found = known.find(std::string_view(info.name).substr(0, dot));
    const std::string_view suffix = dot == info.name.npos ? "" : std::string_view(info.name).substr(dot);
    const TensorInfo** part = nullptr;
    if (found != known.end()) {
      if (suffix == alpha_suffix) part = &found->second.alpha;
      if (suffix == down_suffix) part = &found->second.down;
      if (suffix == up_suffix) part = &found->second.up;
    }
    if (part) {
      *part = &info;
    } else {
      unexpected.push_back(info.name);
    }
  }
  check(unexpected.empty(), path, ": this model has no module for ", some_of(unexpected),
        ": is it a LoRA with kohya's names (lora_unet_..., lora_te_...) and for this family of models?");
  std::vector<LoadedLora> loaded;
  for (const AdaptedLayer& module : adaptable) {
    const Parts& parts = known.at(module.key);
    if (parts.alpha || parts.down || parts.up)
      loaded.push_back(read_module(file, module, parts.alpha, parts.down, parts.up));
  }
  check(!loaded.empty(), path, ": there is no LoRA in this file");
  return loaded;
}

NetworkWeights read_network_weights(const std::string& path, std::span<const AdaptedLayer> modules,
                                    std::span<const AdaptedLayer> adaptable) {
  std::unordered_map<std::string_view, LoadedLora> in_file;  // views of `adaptable`
  for (const AdaptedLayer& module : adaptable) in_file.emplace(module.key, LoadedLora{});
  for (LoadedLora& lora : read_lora(path, adaptable)) in_file.at(lora.module.key) = std::move(lora);
  std::erase_if(in_file, [](const auto& item) { return item.second.down.empty(); });
  NetworkWeights found;
  std::vector<std::string> missing;
  for (const AdaptedLayer& wanted : modules) {
    const auto module = in_file.find(wanted.key);
    if (module == in_file.end()) {
      missing.push_back(wanted.key);
      continue;
    }
    check_same_network(path, module->second.module, wanted);
    found.loaded.push_back(std::move(module->second));
    in_file.erase(module);
  }
  check(!found.loaded.empty(), path, ": it has weights of the model, but for none of the modules that train");
  if (!missing.empty())
    found.notes.push_back(concat_text(path, " has no weights for ", some_of(missing), ": they start anew"));
  std::vector<std::string> unused;
  for (const AdaptedLayer& module : adaptable)
    if (in_file.contains(module.key)) unused.push_back(module.key);
  if (!unused.empty())
    found.notes.push_back(concat_text(path, ": what it has for ", some_of(unused),
                                      " is not used, as this training has no such modules (--dim_from_weights takes "
                                      "the file's)"));
  return found;
}

}  // namespace rankine
