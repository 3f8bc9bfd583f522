#include "models/checkpoint/checkpoint_family.h"

#include "base/error.h"
#include "base/shortened.h"
#include "models/checkpoint/file_kind.h"

namespace rankine {
namespace {

[[noreturn]] void fail_other_kind(const TensorFile& file) {
  if (const std::optional<FileKind> kind = kind_of(file))
    fail(file.path(), ": this is ", kind->is, ", not a checkpoint: ", kind->as_model, " (it holds \"",
         shortened(kind->found), "\")");
  fail(file.path(), ": not a Stable Diffusion checkpoint: it holds ", file.tensors().size(),
       " tensors and no U-Net (model.diffusion_model.…)",
       file.tensors().empty() ? "" : concat_text("; the first is \"", file.tensors().front().name, "\""));
}

}  // namespace

const Family& family_of(const TensorFile& file) {
  TensorNames names;
  for (const TensorInfo& info : file.tensors()) names.add(info.name, info.shape);
  if (const Family* family = recognise_family(names)) return *family;
  if (!names.has("model.diffusion_model.input_blocks.0.0.weight")) fail_other_kind(file);
  check(!names.has_prefix("conditioner."), file.path(),
        ": this looks like the SDXL refiner, which has no use for a LoRA: give the SDXL base checkpoint");
  check(names.has_prefix("first_stage_model."), file.path(), ": the checkpoint has no VAE (first_stage_model.…)");
  fail(file.path(), ": the checkpoint has no text encoder (cond_stage_model.… or conditioner.…)");
}

}  // namespace rankine
