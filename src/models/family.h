#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/latent_space.h"
#include "models/adaptable.h"

namespace rankine {

class Checkpoint;
class Model;

/// Names and shapes of all tensors of a file or a Diffusers folder.
class TensorNames {
 public:
  void add(std::string name, Shape shape) { shapes_.emplace(std::move(name), std::move(shape)); }
  bool has(std::string_view name) const { return shapes_.contains(name); }
  bool has_prefix(std::string_view prefix) const;
  /// Null if there is no such tensor.
  const Shape* shape(std::string_view name) const;

 private:
  std::map<std::string, Shape, std::less<>> shapes_;
};

/// The names of the base model in the files of trained adapters.
struct BaseModelNames {
  std::string_view base_model_version;  ///< ss_base_model_version: "sd_v1"
  std::string_view architecture;        ///< modelspec.architecture, without "/lora": "stable-diffusion-v1"
  std::string_view implementation;      ///< modelspec.implementation
  Size resolution{};                    ///< modelspec.resolution if the data have none
  bool v2 = false;                      ///< ss_v2
};

/// A family of models: the one place for everything that Rankine knows of it. To add a family, write its file and name
/// it in family_table.cpp.
struct Family {
  std::string_view name;    ///< "SD 1.x"
  std::string_view script;  ///< of sd-scripts, that trains its adapters
  LatentSpace latents{};
  AdaptableModules adaptable{};
  /// The names of a file that was trained on the family; `v_prediction`: the model predicts velocity.
  BaseModelNames (*base_model_names)(bool v_prediction) = nullptr;

  /// True for the tensors of a single file or of a Diffusers folder ("unet.conv_in.weight").
  bool (*recognises)(const TensorNames& tensors) = nullptr;
  /// The canonical names of what is in a tensor of a single file with the tensors `all`: usually one, none for a tensor
  /// that is no weight of the model, or several that are packed along its first axis in equal parts.
  std::vector<std::string> (*canonical_names)(const std::string& in_file, const TensorNames& all) = nullptr;
  /// The shape of a tensor under its canonical name; the files of a family may differ in it. Null: as stored.
  Shape (*canonical_shape)(std::string_view canonical, Shape stored) = nullptr;
  /// The single file's name of a canonical one; nullopt if there is none.
  std::optional<std::string> (*single_file_name)(std::string_view canonical) = nullptr;
  /// Throws Error for a checkpoint that training cannot start from.
  void (*check_checkpoint)(const Checkpoint& checkpoint) = nullptr;
  /// Throws Error unless the autoencoder, which was read from the file at `path`, is complete. Null: it is not checked.
  void (*check_vae)(const Checkpoint& checkpoint, const std::string& path) = nullptr;
  /// "U-Net 320, 640, 1280, 1280; ...": the widths of a checkpoint, for people. Null: they are not shown.
  std::string (*widths_text)(const Checkpoint& checkpoint) = nullptr;

  /// The model of a checkpoint. Null: checkpoints of the family can be described, but not trained on yet.
  std::shared_ptr<const Model> (*open)(const Checkpoint& checkpoint) = nullptr;
  /// The family's best-known model, for benchmarks without a checkpoint. Null like `open`.
  std::shared_ptr<const Model> (*usual)() = nullptr;
};

/// All families in the order of recognition. The first is assumed if there is no checkpoint.
std::span<const Family* const> families();
inline const Family& default_family() { return *families().front(); }
/// The family with these tensors, or null.
const Family* recognise_family(const TensorNames& tensors);

/// Splits a tensor of a single file with the tensors `all` into canonical names and shapes, in the order of the bytes.
/// Throws Error for packed tensors that have no equal parts.
std::vector<NamedShape> canonical_tensors(const Family& family, const NamedShape& in_file, const TensorNames& all);

/// The model of a checkpoint. Throws Error for a family that cannot be trained on yet.
std::shared_ptr<const Model> open_model(const Checkpoint& checkpoint);

}  // namespace rankine
