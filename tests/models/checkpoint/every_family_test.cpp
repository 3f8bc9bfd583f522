// Checkpoints of every family in every form: single files of all types, PyTorch's files, Diffusers folders with
// variants, another autoencoder, and what is refused.
#include <doctest/doctest.h>

#include "io/convert.h"
#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/model_files.h"
#include "models/family.h"

using namespace rankine;

namespace {

constexpr const char* kArchitectures[] = {"tiny-sd15", "tiny-sd21", "tiny-sdxl"};

/// A checkpoint of the architecture that costs no space, as it answers.
Checkpoint whole(const TempFolder& folder, const std::string& architecture) {
  const std::string path = folder / (architecture + ".safetensors");
  write_hole(path, layout_of(architecture).tensors);
  return Checkpoint::open(path);
}

/// As Diffusers stores it: projections around transformers are matrices in all families but SD 1.x.
std::vector<NamedShape> as_diffusers(std::vector<NamedShape> tensors, const std::string& architecture) {
  if (architecture == "tiny-sd15") return tensors;
  for (auto& [name, shape] : tensors)
    if (name.ends_with("proj_in.weight") || name.ends_with("proj_out.weight")) shape.resize(2);
  return tensors;
}

std::string fault_with(const TempFolder& folder, const std::string& architecture, const std::string& changed,
                       Shape shape) {
  std::vector<NamedShape> tensors = layout_of(architecture).tensors;
  for (auto& [name, old] : tensors)
    if (name == changed) old = shape;
  write_hole(folder / "changed.safetensors", tensors);
  return open_error(folder / "changed.safetensors");
}

}  // namespace

TEST_CASE("a Diffusers folder of every family, also of a variant, answers as its single file does") {
  for (const std::string architecture : kArchitectures) {
    const TempFolder single;
    const Checkpoint expected = whole(single, architecture);
    for (const std::string ending : {".safetensors", ".fp16.safetensors", ".bf16.safetensors"}) {
      CAPTURE(architecture);
      CAPTURE(ending);
      const TempFolder folder;
      write_folder(folder, as_diffusers(expected.tensors(), architecture), ending);
      const Checkpoint checkpoint = Checkpoint::open(folder.path().string());
      CHECK(&checkpoint.family() == &expected.family());
      CHECK(checkpoint.tensors() == expected.tensors());
    }
  }
}

TEST_CASE("a PyTorch file of every family answers as its .safetensors does") {
  for (const std::string architecture : kArchitectures) {
    CAPTURE(architecture);
    const TempFolder folder;
    const Checkpoint expected = whole(folder, architecture);
    write_torch(folder / "model.ckpt", layout_of(architecture).tensors);
    const Checkpoint checkpoint = Checkpoint::open(folder / "model.ckpt");
    CHECK(&checkpoint.family() == &expected.family());
    CHECK(checkpoint.tensors() == expected.tensors());
  }
}

TEST_CASE("a single file of every family may have any of the types that people save") {
  for (const std::string architecture : kArchitectures) {
    const Layout layout = layout_of(architecture);
    for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::f8_e4m3}) {
      CAPTURE(architecture);
      CAPTURE(name_of(type));
      const TempFolder folder;
      // All tensors share these numbers, which each of the types holds.
      std::vector<float> numbers;
      for (const auto& [name, shape] : layout.tensors)
        numbers.resize(std::max(numbers.size(), static_cast<size_t>(count_of(shape))));
      std::vector<std::byte> bytes(numbers.size());
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 120);
      convert_to_f32(DType::f8_e4m3, bytes, numbers);
      if (type != DType::f8_e4m3) {
        bytes.resize(numbers.size() * size_of(type));
        convert_from_f32(numbers, type, bytes);
      }
      std::vector<TensorToWrite> list;
      for (const auto& [name, shape] : layout.tensors)
        list.push_back(
            {name, type, shape, std::span(bytes).first(static_cast<size_t>(count_of(shape)) * size_of(type))});
      write_safetensors(folder / "model.safetensors", list, {});
      const Checkpoint checkpoint = Checkpoint::open(folder / "model.safetensors");
      for (const std::string name : {"unet.conv_in.weight", "vae.decoder.conv_out.bias",
                                     "text_encoder.text_model.embeddings.position_embedding.weight"}) {
        const std::vector<float> values = checkpoint.read_f32(name);
        CHECK(std::ranges::equal(values, std::span(numbers).first(values.size())));
      }
    }
  }
}

TEST_CASE("every family takes another autoencoder, from a file or a Diffusers folder") {
  for (const std::string architecture : kArchitectures) {
    CAPTURE(architecture);
    const TempFolder folder;
    Checkpoint checkpoint = whole(folder, architecture);
    std::vector<NamedShape> own;
    for (const auto& [name, shape] : checkpoint.tensors())
      if (name.starts_with("vae.")) own.push_back({name.substr(4), shape});
    write_hole(folder / "vae.safetensors", own);
    std::filesystem::create_directories(folder / "pipeline/vae");
    write_hole(folder / "pipeline/vae/diffusion_pytorch_model.fp16.safetensors", own);
    const std::vector<NamedShape> before = checkpoint.tensors();
    for (const char* place : {"vae.safetensors", "pipeline"}) {
      checkpoint.replace_vae(folder / place);
      CHECK(checkpoint.tensors() == before);
    }
  }
}

TEST_CASE("inpainting and edit models of every family are refused by name") {
  const std::string conv_in = "model.diffusion_model.input_blocks.0.0.weight";
  for (const std::string architecture : kArchitectures) {
    CAPTURE(architecture);
    const TempFolder folder;
    int64_t width = 0;
    for (const auto& [name, shape] : layout_of(architecture).tensors)
      if (name == conv_in) width = shape[0];
    CHECK(contains(fault_with(folder, architecture, conv_in, {width, 9, 3, 3}), "inpainting"));
    CHECK(contains(fault_with(folder, architecture, conv_in, {width, 8, 3, 3}), "InstructPix2Pix"));
  }
}
