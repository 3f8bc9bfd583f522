#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "io/tensor_file.h"
#include "models/family.h"

namespace rankine {

/// The weights of a model, memory mapped: a single file, .safetensors or PyTorch's .ckpt, or a Diffusers folder. Both
/// have the same canonical names, a part and then the Diffusers (U-Net, VAE) or transformers (text encoder) name:
/// "unet.conv_in.weight", "text_encoder.text_model.final_layer_norm.bias", "vae.quant_conv.weight". Buffers that are
/// not weights (position_ids, noise schedules, EMA copies) are left out. Tensors that a file packs into one, such as
/// OpenCLIP's q, k and v, are separate here.
class Checkpoint {
 public:
  /// Opens a model. Throws Error with a guess at the file's kind if `path` is not a model of a known family that
  /// text-to-image training can start from. The family checks that every tensor exists with the right shape.
  static Checkpoint open(const std::string& path);

  /// Replaces the autoencoder by that of `path`: a file (an autoencoder alone, under the names of single files or of
  /// Diffusers, or a whole checkpoint) or a Diffusers folder with it. Throws Error unless it is complete and one of the
  /// family's; its widths may be others.
  void replace_vae(const std::string& path);

  const std::string& path() const { return path_; }
  const Family& family() const { return *family_; }
  /// Canonical names, sorted.
  std::vector<std::string> names() const;
  /// Names and shapes, sorted by name.
  std::vector<NamedShape> tensors() const;
  bool has(std::string_view name) const { return entries_.contains(name); }
  /// Of a linear layer [out, in], also where the file holds a 1x1 convolution (the VAE's attention); the projections of
  /// the U-Net's transformers stay as stored ([C, C, 1, 1] in SD 1.x). Throws Error with the nearest name if absent.
  const Shape& shape(std::string_view name) const { return at(name).shape; }
  DType dtype(std::string_view name) const { return at(name).info.dtype; }
  /// Any stored type as float32; `out` has exactly the tensor's count.
  void read_f32(std::string_view name, std::span<float> out) const;
  std::vector<float> read_f32(std::string_view name) const;
  std::span<const std::byte> bytes(std::string_view name) const;
  /// Releases the tensor's pages to the system; it can be read again.
  void release(std::string_view name) const;

  /// Describes the content for people: family, widths, and for each part its tensors, parameters and types.
  std::string describe() const;

 private:
  struct Entry {
    size_t file = 0;
    TensorInfo info{};  // of the file's tensor, or of the part of it that is this one
    Shape shape{};
  };

  Checkpoint() = default;
  void open_file(const std::string& path);
  void open_folder(const std::string& path);
  void add(size_t file, const TensorInfo& info, std::string name, Shape shape);
  void add_packed(size_t file, const TensorInfo& info, std::span<const NamedShape> parts);
  const Entry& at(std::string_view name) const;

  std::string path_;
  bool folder_ = false;
  const Family* family_ = nullptr;
  std::vector<TensorFile> files_;
  std::map<std::string, Entry, std::less<>> entries_;
  size_t ignored_ = 0;  // tensors of the files that are no weights of the model
};

}  // namespace rankine
