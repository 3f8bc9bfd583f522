#include "run/memory_need.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/memory.h"
#include "run/estimate.h"
#include "run/step_plan.h"
#include "step/fit_memory.h"
#include "watch/summary.h"

namespace rankine {
namespace {

/// A use of memory, and the settings that make it smaller.
struct Use {
  std::string name;
  size_t bytes = 0;
  std::string remedy;
};

std::string shown(size_t bytes) { return bytes_text(static_cast<int64_t>(bytes)); }

std::string adapter_remedy(const RunPlan& plan) {
  std::string remedy;
  if (plan.config.network.network_dim) remedy = concat_text("a --network_dim below ", plan.config.network.rank());
  // The moments take half of these bytes in f32 and an eighth in 8 bits.
  if (plan.config.optim.type() == "AdamW")
    remedy += concat_text(remedy.empty() ? "" : ", ", "--optimizer_type AdamW8bit");
  return remedy;
}

std::string activations_remedy(const StepShape& largest) {
  return largest.batch > 1 ? concat_text("a --train_batch_size below ", largest.batch, ", a smaller --resolution")
                           : std::string("a smaller --resolution");
}

/// Everything that the run will hold, the largest use first.
std::vector<Use> uses_of(const RunPlan& plan, const EstimatedBytes& bytes, const StepShape& largest) {
  const DeviceModel& device = plan.backend->device();
  const bool is_fp32 = plan.step.compute == DType::f32;
  const size_t code = address_space_is_limited() ? device.code_address_bytes() * plan.shapes.size() : 0;
  std::vector<Use> uses = {
      {"the program itself", device.memory().held + device.program_bytes() + code, ""},
      {"frozen weights", bytes.frozen_weights, is_fp32 ? "--mixed_precision bf16" : ""},
      {concat_text(plan.step.adapter->name, ", gradients and optimizer"),
       bytes.adapter + bytes.gradients + bytes.optimizer_state, adapter_remedy(plan)},
      {"activations and kernels", bytes.activations + bytes.working, activations_remedy(largest)},
      {"cached latents", bytes.cached_latents, "no --cache_latents"},
      {"encoded captions", bytes.captions, ""},
      {"the VAE's encoder", bytes.encoder, "--cache_latents"},
      {"sample pictures", bytes.previews, "smaller pictures in --sample_prompts"},
  };
  std::ranges::stable_sort(uses, std::ranges::greater(), &Use::bytes);
  return uses;
}

}  // namespace

void check_memory_suffices(const RunPlan& plan, size_t planned) {
  const DeviceModel& device = plan.backend->device();
  const DeviceMemory memory = device.memory();
  const size_t there = memory.held + memory.free;
  const bool automatic = plan.config.step.memory_budget == "auto";
  const size_t asked = automatic ? there : memory_budget(plan.config.step.memory_budget, device);
  const size_t limit = std::min(asked, there);
  // The estimate takes longer. A quarter of the limit is more than the encoder and sample pictures add to this sum.
  const size_t known = fixed_bytes(plan.step, device) + plan.memory.bytes() + planned;
  if (known <= limit / 4 * 3 && !address_space_is_limited()) return;

  const StepShape largest = largest_of(plan.shapes);
  const std::vector<Use> uses = uses_of(plan, estimate_run(plan).bytes, largest);
  size_t needed = 0;
  for (const Use& use : uses) needed += use.bytes;
  if (needed <= limit) return;

  std::string text, remedies;
  for (const Use& use : uses) {
    if (&use - uses.data() == 3) break;
    text += concat_text("\n  ", use.name, ": ", shown(use.bytes));
    if (!use.remedy.empty()) remedies += concat_text(remedies.empty() ? "" : ", ", use.remedy);
  }
  if (asked < there) remedies += concat_text(remedies.empty() ? "" : ", ", "a larger --memory_budget");
  if (remedies.empty()) remedies = "ending other programs";
  fail("this run needs ", shown(needed), " of memory at least, and ",
       asked < there ? concat_text("--memory_budget allows ", shown(asked))
                     : concat_text("only ", shown(there), " are available"),
       "; most of it goes to", text, "\nThese help: ", remedies);
}

}  // namespace rankine
