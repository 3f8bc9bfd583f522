#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "network/adapter.h"

namespace rankine {

/// How A1111 and related programs recognise a LoRA.
struct AdapterHashes {
  std::string model_hash;   ///< `sshs_model_hash`: SHA-256 of the tensor data
  std::string legacy_hash;  ///< `sshs_legacy_hash`: 8 digits, of a window of the file with only the `ss_*` metadata
};

/// Element type of --save_precision: "float" and "" (not given) are float32, "fp16", "bf16". Throws Error for others.
DType saved_dtype(std::string_view save_precision);

/// The hashes of the file that `save_adapter` would write. `metadata` may hold other keys; only `ss_*` count.
AdapterHashes hash_adapter(const AdapterWeights& weights, DType dtype,
                           const std::map<std::string, std::string>& metadata);

/// A weight that was to be saved is infinite or NaN.
class NonFiniteWeightError : public Error {
 public:
  using Error::Error;
};

/// Writes an adapter atomically: `.alpha` and the tensors of each layer in `dtype` (f32, f16 or bf16), the metadata and
/// both hashes. Then opens it again and compares names, shapes and data. Throws Error, and keeps the file that was at
/// `path`, when a weight is not finite (a NonFiniteWeightError), or not finite any more in `dtype`; and when the disk
/// does not hold what was written.
///
/// A path that ends in .ckpt or .pt gets a file for torch.load, as sd-scripts writes it: the tensors in the layers'
/// order, no metadata.
void save_adapter(const std::string& path, const AdapterWeights& weights, DType dtype,
                  const std::map<std::string, std::string>& metadata);

/// Reads an adapter's file of any rank, in the order of `adaptable`, the layers that it may hold (their ranks and
/// alphas are not read; make them with conv_dim to allow for convolutions). The kind is the one whose tensors the file
/// has; rank and alpha of each layer are the file's. Layers without tensors are left out; a file without `.alpha` has
/// alpha = rank. Tensors that belong to no layer are ignored with a note, as in sd-scripts, if others do. Throws Error
/// for other kinds of files, which it names, for incomplete layers, shapes that do not fit the model, and values that
/// are not finite.
AdapterWeights read_adapter(const std::string& path, std::span<const AdaptedLayer> adaptable);

/// The same for a file that must be of `kind` (--network_module). Throws Error, naming the file's kind, for another.
AdapterWeights read_adapter(const std::string& path, const AdapterKind& kind, std::span<const AdaptedLayer> adaptable);

/// The weights that training starts from.
struct NetworkWeights {
  std::vector<LayerWeights> loaded{};  ///< of layers that train here, in their order
  std::vector<std::string> notes{};    ///< what the file leaves out, and what of it is not used
};

/// Reads the weights that training starts from (--network_weights) for `layers`; the file may leave some of them out.
/// All that it holds must be of `adaptable`, the layers that the model could have. Throws Error as read_adapter does,
/// where a rank or alpha is another one, with the option to change, and where the file has none of `layers`.
NetworkWeights read_network_weights(const std::string& path, const AdapterKind& kind,
                                    std::span<const AdaptedLayer> layers, std::span<const AdaptedLayer> adaptable);

}  // namespace rankine
