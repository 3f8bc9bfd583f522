#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "io/tensor_file.h"

namespace rankine {

/// A kind of model file, told by its tensors' names.
struct FileKind {
  std::string_view is{};          ///< "a LoHa, an adapter of LyCORIS"
  std::string_view as_model{};    ///< the remedy where a checkpoint was expected
  std::string_view as_adapter{};  ///< the remedy where a LoRA was expected
  std::string found{};            ///< the name in the file that tells the kind
};

/// The kind of a file that is neither a checkpoint of a known family nor a LoRA with kohya's names. Empty if its names
/// tell nothing.
std::optional<FileKind> foreign_kind_of(const TensorFile& file);

/// The same, also for a LoRA with kohya's names.
std::optional<FileKind> kind_of(const TensorFile& file);

/// True for tensors that web interfaces store beside a LoRA in its file, such as embeddings.
bool is_bundled(std::string_view name);

}  // namespace rankine
