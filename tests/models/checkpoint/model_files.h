#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "io/temp_folder.h"
#include "io/torch_file.h"
#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/layout.h"

/// Files and folders of models, for tests.
namespace rankine {

/// A file with these tensors whose data are a hole: full-size models cost no space.
inline void write_hole(const std::string& path, const std::vector<NamedShape>& tensors) {
  std::vector<TensorToWrite> list;
  for (const auto& [name, shape] : tensors) list.push_back({name, DType::f16, shape, {}});
  const SafetensorsHeader header = make_safetensors_header(list, {});
  put_bytes(path, header.bytes);
  REQUIRE(::truncate(path.c_str(), static_cast<off_t>(header.bytes.size() + header.data_size)) == 0);
}

inline std::string open_error(const std::string& path) {
  return error_of([&] { Checkpoint::open(path); });
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Splits canonical tensors into the files of a Diffusers folder.
inline void write_folder(const TempFolder& folder, const std::vector<NamedShape>& tensors, const std::string& ending) {
  for (const std::string part : {"unet", "text_encoder", "text_encoder_2", "vae"}) {
    std::vector<NamedShape> own;
    for (const auto& [name, shape] : tensors)
      if (name.starts_with(part + ".")) own.push_back({name.substr(part.size() + 1), shape});
    if (own.empty()) continue;
    std::filesystem::create_directories(folder / part);
    const char* stem = part.starts_with("text_encoder") ? "/model" : "/diffusion_pytorch_model";
    write_hole(folder / (part + stem + ending), own);
  }
}

/// The same as a file of PyTorch's, all zeros.
inline void write_torch(const std::string& path, const std::vector<NamedShape>& tensors) {
  std::vector<std::byte> zeros;
  for (const auto& [name, shape] : tensors)
    zeros.resize(std::max(zeros.size(), 2 * static_cast<size_t>(count_of(shape))));
  std::vector<TensorToWrite> list;
  for (const auto& [name, shape] : tensors)
    list.push_back({name, DType::f16, shape, std::span(zeros).first(2 * static_cast<size_t>(count_of(shape)))});
  put_bytes(path, serialize_torch(list));
}

inline ModelWidths tiny_widths() {
  return {.unet = {64, 96, 128, 128}, .vae = {32, 64, 96, 96}, .text_width = 128, .text_layers = 3};
}

}  // namespace rankine
