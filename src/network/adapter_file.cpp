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
#include "models/checkpoint/file_kind.h"

namespace rankine {
namespace {

constexpr std::string_view alpha_suffix = "alpha";

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

Tensors tensors_of(const AdapterWeights& weights, DType dtype) {
  Tensors all;
  for (const LayerWeights& one : weights.layers) {
    const auto alpha = static_cast<float>(one.layer.alpha);
    all.add(concat_text(one.layer.key, '.', alpha_suffix), dtype, {}, std::span(&alpha, 1));
    const std::vector<AdapterTensor> tensors = weights.kind->tensors(one.layer);
    check(tensors.size() == one.tensors.size(), one.layer.key, ": a ", weights.kind->name, " has ", tensors.size(),
          " tensors in a layer, got ", one.tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i)
      all.add(tensor_name(one.layer, tensors[i]), dtype, tensors[i].shape, one.tensors[i]);
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

/// The tensors of a file that belong to one layer; null where the file has none.
struct LayerTensors {
  const TensorInfo* alpha = nullptr;
  std::vector<const TensorInfo*> tensors;  // in the order of AdapterKind::tensors

  bool any() const {
    return alpha || std::ranges::any_of(tensors, [](const TensorInfo* t) { return t != nullptr; });
  }
};

/// A file's tensors as those of one kind of adapter.
struct SortedTensors {
  std::unordered_map<std::string_view, LayerTensors> layers;  // by the layer's key
  std::vector<std::string> unexpected;                        // what is no tensor of this kind
  size_t found = 0;                                           // tensors that only this kind explains: all but alpha
};

SortedTensors sort_tensors(const TensorFile& file, const AdapterKind& kind, std::span<const AdaptedLayer> adaptable) {
  SortedTensors sorted;
  std::unordered_map<std::string_view, const AdaptedLayer*> by_key;
  for (const AdaptedLayer& layer : adaptable) {
    by_key.emplace(layer.key, &layer);
    sorted.layers[layer.key].tensors.resize(kind.tensors(layer).size());
  }
  for (const TensorInfo& info : file.tensors()) {
    const size_t dot = std::min(info.name.find('.'), info.name.size());
    const std::string_view key = std::string_view(info.name).substr(0, dot);
    const std::string_view suffix = std::string_view(info.name).substr(std::min(dot + 1, info.name.size()));
    const auto layer = by_key.find(key);
    const TensorInfo** place = nullptr;
    if (layer != by_key.end()) {
      LayerTensors& there = sorted.layers[key];
      if (suffix == alpha_suffix) place = &there.alpha;
      const std::vector<AdapterTensor> tensors = kind.tensors(*layer->second);
      for (size_t i = 0; i < tensors.size(); ++i)
        if (suffix == tensors[i].suffix) place = &there.tensors[i];
    }
    if (place) {
      *place = &info;
      sorted.found += suffix != alpha_suffix;
    } else {
      sorted.unexpected.push_back(info.name);
    }
  }
  return sorted;
}

LayerWeights read_layer(const TensorFile& file, const AdapterKind& kind, const AdaptedLayer& adapted,
                        const LayerTensors& there) {
  LayerWeights read{.layer = adapted};
  AdaptedLayer& layer = read.layer;
  std::vector<AdapterTensor> tensors = kind.tensors(layer);
  for (size_t i = 0; i < tensors.size(); ++i)
    check(there.tensors[i], file.path(), ": ", layer.key, " has no ", tensors[i].suffix);
  const auto ranked = std::ranges::find_if(tensors, [](const AdapterTensor& t) { return t.rank_axis >= 0; });
  if (ranked != tensors.end()) {
    const TensorInfo& info = *there.tensors[static_cast<size_t>(ranked - tensors.begin())];
    const auto axis = static_cast<size_t>(ranked->rank_axis);
    check(axis < info.shape.size() && info.shape[axis] > 0, file.path(), ": ", info.name, " has the shape ",
          as_text(info.shape), ", in which there is no rank");
    layer.rank = info.shape[axis];
    tensors = kind.tensors(layer);
  }
  for (size_t i = 0; i < tensors.size(); ++i)
    check(there.tensors[i]->shape == tensors[i].shape, file.path(), ": ", there.tensors[i]->name, " is ",
          as_text(there.tensors[i]->shape), ", but this model needs ", as_text(tensors[i].shape), ": is the ",
          kind.name, " for another model?");
  layer.alpha = static_cast<double>(layer.rank);
  if (there.alpha) {
    check(count_of(there.alpha->shape) == 1, file.path(), ": ", there.alpha->name, " must be one number, got ",
          as_text(there.alpha->shape));
    layer.alpha = read_finite(file, *there.alpha)[0];
  }
  for (const TensorInfo* info : there.tensors) read.tensors.push_back(read_finite(file, *info));
  return read;
}

/// Throws Error, with the option to change, where a file's layer has another rank or alpha than the one that trains.
void check_same_network(const std::string& path, const AdapterKind& kind, const AdaptedLayer& there,
                        const AdaptedLayer& wanted) {
  const bool conv = wanted.is_conv() && wanted.weight[2] * wanted.weight[3] > 1;
  const auto advice = [](const auto& value) {
    return concat_text(": set it to ", value,
                       ", take the file's with --dim_from_weights, or train without these weights");
  };
  const char *dim = conv ? "conv_dim" : "network_dim", *alpha = conv ? "conv_alpha" : "network_alpha";
  check(!has_rank(kind, there) || there.rank == wanted.rank, path, ": ", there.key, " has rank ", there.rank, ", but ",
        dim, " is ", wanted.rank, advice(there.rank));
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

AdapterHashes hash_adapter(const AdapterWeights& weights, DType dtype,
                           const std::map<std::string, std::string>& metadata) {
  return hash_tensors(tensors_of(weights, dtype).tensors, metadata);
}

void save_adapter(const std::string& path, const AdapterWeights& weights, DType dtype,
                  const std::map<std::string, std::string>& metadata) {
  const Tensors all = tensors_of(weights, dtype);
  if (path.ends_with(".ckpt") || path.ends_with(".pt")) return save_for_torch(path, all.tensors);
  const AdapterHashes hashes = hash_tensors(all.tensors, metadata);
  std::map<std::string, std::string> complete = metadata;
  complete["sshs_model_hash"] = hashes.model_hash;
  complete["sshs_legacy_hash"] = hashes.legacy_hash;
  write_safetensors(path, all.tensors, complete);
  verify_saved(path, all.tensors, hashes.model_hash);
}

AdapterWeights read_adapter(const std::string& path, std::span<const AdaptedLayer> adaptable) {
  const TensorFile file = TensorFile::open(path);
  const AdapterKind* kind = nullptr;
  SortedTensors sorted;
  for (const AdapterKind* tried : adapters()) {
    SortedTensors as_tried = sort_tensors(file, *tried, adaptable);
    if (kind && as_tried.found <= sorted.found) continue;
    kind = tried;
    sorted = std::move(as_tried);
  }
  AdapterWeights weights{.kind = kind};
  if (!sorted.unexpected.empty()) {
    if (const std::optional<FileKind> other = foreign_kind_of(file))
      fail(path, ": this is ", other->is, ", which does not fit here: ", other->as_adapter, " (it holds \"",
           shortened(other->found), "\")");
    check(sorted.found > 0, path, ": this model has no module for ", some_of(sorted.unexpected),
          ": is it a LoRA with kohya's names (lora_unet_..., lora_te_...) and for this family of models?");
    weights.notes.push_back(concat_text(path, ": this model has no module for ", some_of(sorted.unexpected),
                                        ": it is not used, as in sd-scripts"));
  }
  for (const AdaptedLayer& layer : adaptable)
    if (const LayerTensors& there = sorted.layers.at(layer.key); there.any())
      weights.layers.push_back(read_layer(file, *kind, layer, there));
  check(!weights.layers.empty(), path, ": there is no LoRA in this file");
  return weights;
}

AdapterWeights read_adapter(const std::string& path, const AdapterKind& kind, std::span<const AdaptedLayer> adaptable) {
  AdapterWeights weights = read_adapter(path, adaptable);
  check(weights.kind == &kind, path, " is a ", weights.kind->name, ", but --network_module is ", kind.network_module,
        ": train with --network_module ", weights.kind->network_module, ", or without these weights");
  return weights;
}

NetworkWeights read_network_weights(const std::string& path, const AdapterKind& kind,
                                    std::span<const AdaptedLayer> layers, std::span<const AdaptedLayer> adaptable) {
  std::unordered_map<std::string_view, LayerWeights> in_file;  // views of `adaptable`
  for (const AdaptedLayer& layer : adaptable) in_file.emplace(layer.key, LayerWeights{});
  AdapterWeights read = read_adapter(path, kind, adaptable);
  for (LayerWeights& weights : read.layers) in_file.at(weights.layer.key) = std::move(weights);
  std::erase_if(in_file, [](const auto& item) { return item.second.tensors.empty(); });
  NetworkWeights found{.loaded = {}, .notes = std::move(read.notes)};
  std::vector<std::string> missing;
  for (const AdaptedLayer& wanted : layers) {
    const auto there = in_file.find(wanted.key);
    if (there == in_file.end()) {
      missing.push_back(wanted.key);
      continue;
    }
    check_same_network(path, kind, there->second.layer, wanted);
    found.loaded.push_back(std::move(there->second));
    in_file.erase(there);
  }
  check(!found.loaded.empty(), path, ": it has weights of the model, but for none of the modules that train");
  if (!missing.empty())
    found.notes.push_back(concat_text(path, " has no weights for ", some_of(missing), ": they start anew"));
  std::vector<std::string> unused;
  for (const AdaptedLayer& layer : adaptable)
    if (in_file.contains(layer.key)) unused.push_back(layer.key);
  if (!unused.empty())
    found.notes.push_back(concat_text(path, ": what it has for ", some_of(unused),
                                      " is not used, as this training has no such modules (--dim_from_weights takes "
                                      "the file's)"));
  return found;
}

}  // namespace rankine
