#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "network/lora_names.h"

namespace rankine {

/// The trained weights of one module, as they are on the host; both in float32 and in the shapes of AdaptedLayer.
struct LoraTensors {
  std::span<const float> down;
  std::span<const float> up;
};

/// How A1111 and its kin recognise a LoRA.
struct AdapterHashes {
  std::string model_hash;   ///< `sshs_model_hash`: SHA-256 of the tensor data
  std::string legacy_hash;  ///< `sshs_legacy_hash`: 8 digits, of a window of the file with the `ss_*` metadata alone
};

/// Element type of --save_precision: "float" and "" (not given) are float32, "fp16", "bf16". Throws Error for others.
DType saved_dtype(std::string_view save_precision);

/// The hashes of the file that `save_lora` would write. `metadata` may hold other keys; only `ss_*` count.
AdapterHashes hash_lora(std::span<const AdaptedLayer> modules, std::span<const LoraTensors> weights, DType dtype,
                        const std::map<std::string, std::string>& metadata);

/// A weight that was to be saved is infinite or NaN.
class NonFiniteWeightError : public Error {
 public:
  using Error::Error;
};

/// Writes a LoRA atomically: `.alpha`, `.lora_down.weight` and `.lora_up.weight` of each module in `dtype` (f32, f16 or
/// bf16), the metadata and both hashes. Then opens it again and compares names, shapes and data. Throws Error, leaving
/// what was at `path`, when a weight is not finite (a NonFiniteWeightError), or not finite any more in `dtype`; and
/// when what is on the disk is not what was written.
///
/// Where the path ends in .ckpt or .pt it is a file for torch.load, as sd-scripts writes it: the tensors in the
/// modules' order, no metadata.
void save_lora(const std::string& path, std::span<const AdaptedLayer> modules, std::span<const LoraTensors> weights,
               DType dtype, const std::map<std::string, std::string>& metadata);

/// One module of a LoRA file: rank and alpha are the file's.
struct LoadedLora {
  AdaptedLayer module;
  std::vector<float> down, up;
};

/// Reads a LoRA file of any rank, in the order of `adaptable`, the modules that it may hold (their ranks and alphas are
/// not read; make them with conv_dim to allow for convolutions). Modules that the file leaves out are left out; a file
/// without `.alpha` has alpha = rank. Throws Error for keys that belong to no module, for incomplete modules, shapes
/// that do not fit the model, and values that are not finite.
std::vector<LoadedLora> read_lora(const std::string& path, std::span<const AdaptedLayer> adaptable);

/// What training starts from.
struct NetworkWeights {
  std::vector<LoadedLora> loaded{};  ///< of modules that train here, in their order
  std::vector<std::string> notes{};  ///< what the file leaves out, and what of it is not used
};

/// Reads the weights that training starts from (--network_weights) for `modules`, of which the file may leave some out;
/// what else it holds must be of `adaptable`, the modules that the model could have. Throws Error as read_lora does,
/// where a rank or alpha is another one, with the option to change, and where the file has none of `modules`.
NetworkWeights read_network_weights(const std::string& path, std::span<const AdaptedLayer> modules,
                                    std::span<const AdaptedLayer> adaptable);

}  // namespace rankine
