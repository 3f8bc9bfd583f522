#include "backend/cpu/device_model.h"

#include <omp.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "backend/cpu/kernel_context.h"
#include "backend/cpu/passes/conv_algorithm.h"
#include "backend/cpu/passes/weight_forms.h"
#include "backend/cpu/processor.h"
#include "backend/cpu/session.h"
#include "base/memory.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "graph/passes/recompute.h"

namespace rankine {
namespace cpu {
namespace {

/// Operations per second: convolutions and matrix products, and attention.
struct Rates {
  double products, attention;
};
constexpr Rates kBf16Rates = {0.8e12, 0.6e12};    // two cores with AVX512-BF16
constexpr Rates kAvx512Rates = {0.3e12, 0.2e12};  // two cores of a Sapphire Rapids held to AVX-512 in f32
constexpr Rates kAvx2Rates = {0.15e12, 0.14e12};  // two cores of an EPYC with AVX2

/// Working memory that kernels take whatever their sizes, in bytes: the tiles of attention and of Winograd's
/// convolutions (measured), and the latter alone, with two threads.
constexpr size_t kTiles = size_t{50} << 20, kWinogradTiles = size_t{16} << 20;

bool is_product(const Node& node) {
  const Kernel* kernel = find_kernel(node.op());
  return kernel && kernel->is_product;
}

/// The f32 copies of half-float activations that a promoted product takes while it runs.
size_t promoted_bytes(const Node& node) {
  size_t bytes = 0;
  const auto add = [&](const Type& type) {
    if (is_half(type.dtype) && !has_products(type.dtype)) bytes += static_cast<size_t>(type.count()) * sizeof(float);
  };
  for (const Value& input : node.inputs())
    if (input && &storage_of(input.node()).op() != &constant_op) add(input.type());
  for (int i = 0; i < node.output_count(); ++i) add(node.type(i));
  return bytes;
}

class CpuDevice : public DeviceModel {
 public:
  bool has_kernel(const OpDef& op) const override { return find_kernel(op) != nullptr; }

  std::vector<WeightForm> forms(const Node& node, const Value& weight) const override {
    const WeightForm stored{std::string(kPlainForm), "plain", weight.type().bytes()};
    const Kernel* kernel = find_kernel(node.op());
    if (!kernel || !kernel->forms || &storage_of(node.input(1).node()) != &weight.node()) return {stored};
    std::vector<WeightForm> forms = remembered_forms(*kernel, node);
    const auto keep = [&](std::string_view form) {
      std::erase_if(forms, [&](const WeightForm& each) { return each.name != form; });
    };
    if (weight.node().attributes().has(Graph::keep_plain)) keep(kPlainForm);
    if (weight.node().attributes().has(Graph::keep_in_file)) keep(kMappedForm);
    return forms;
  }

  double seconds(const Node& node) const override { return estimated_seconds(node); }

  size_t working_bytes(const Node& node) const override {
    const size_t promoted = is_product(node) ? promoted_bytes(node) : 0;
    return std::max(kTiles, promoted > 0 ? promoted + kWinogradTiles : 0);
  }

  DeviceMemory memory() const override { return {available_bytes(), total_bytes(), resident_bytes()}; }

  /// oneDNN's generated code and the graphs, for SD 1.5 (measured).
  size_t program_bytes() const override { return size_t{60} << 20; }

  /// oneDNN takes 256 KiB or more for each kernel that it generates (measured: 230 MB for the step of SD 1.x).
  size_t code_address_bytes() const override { return size_t{256} << 20; }

  std::span<const Pass> passes() const override {
    static constexpr Pass all[] = {{"weight_forms", mark_weight_forms}, {"conv_algorithm", choose_conv_algorithm}};
    return all;
  }

 private:
  /// The forms of a kernel's weight. oneDNN has to choose an implementation to say its layout, which is slow, and
  /// networks repeat their layers: each kind of node is asked about once.
  std::vector<WeightForm> remembered_forms(const Kernel& kernel, const Node& node) const {
    std::string kind = concat_text(node.op().name, node.attributes(), ' ', omp_get_max_threads());
    for (const Value& input : node.inputs()) kind += input ? concat_text(' ', input.type()) : std::string(" none");
    for (int i = 0; i < node.output_count(); ++i) kind += concat_text(' ', node.type(i));
    if (const std::optional<DType> stored = type_in_file(storage_of(node.input(1).node())))
      kind += concat_text(" in file as ", *stored);
    const std::lock_guard lock(mutex_);
    if (const auto known = forms_.find(kind); known != forms_.end()) return known->second;
    return forms_.emplace(std::move(kind), kernel.forms({node, is_promoted(node)}, cpu_engine())).first->second;
  }

  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, std::vector<WeightForm>> forms_;
};

}  // namespace

double estimated_seconds(const Node& node) {
  const InstructionSet set = instruction_set();
  const Rates& rates = set >= InstructionSet::avx512_bf16 ? kBf16Rates
                       : set >= InstructionSet::avx512    ? kAvx512Rates
                                                          : kAvx2Rates;
  const double flops = flops_of_node(node);
  const bool attention =
      &node.op() == &scaled_dot_product_attention_op || &node.op() == &scaled_dot_product_attention_grad_op;
  const double arithmetic = attention ? flops / rates.attention : is_product(node) ? flops / rates.products : 0.0;
  return node.op().view ? 0.0 : std::max(arithmetic, bytes_of_node(node) / kCopyRate);
}

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

}  // namespace cpu

const DeviceModel& cpu_device() {
  static const cpu::CpuDevice device;
  return device;
}

}  // namespace rankine
