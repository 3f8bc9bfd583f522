#pragma once
#include <dnnl.hpp>
#include <functional>
#include <span>
#include <vector>

#include "backend/cpu/arena.h"
#include "backend/cpu/kernels/tensor_ptr.h"
#include "backend/cpu/weights.h"
#include "graph/memory/device_model.h"
#include "graph/memory/plan.h"
#include "graph/op.h"

namespace rankine::cpu {

/// A kernel ready to run: pointers, shapes and types are settled; running it allocates and looks up nothing.
/// An empty one has nothing to do.
using Launch = std::function<void()>;

/// What all programs of a session share.
struct Device {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  int threads = 1;
};

/// Set on a constant that is kept once, as it is stored, instead of packed for each direction.
inline constexpr std::string_view kKeepPlain = "keep_plain";

/// The types of a node's operands as its kernel sees them: where the processor has no products of half floats, a
/// product sees f32.
class OperandTypes {
 public:
  /// promoted: half floats become f32.
  OperandTypes(const Node& node, bool promoted) : node_(&node), promoted_(promoted) {}
  const Node& node() const { return *node_; }
  bool promoted() const { return promoted_; }
  bool has(int input) const {
    return input < static_cast<int>(node_->inputs().size()) && static_cast<bool>(node_->input(input));
  }
  Type input(int i) const { return seen(node_->input(i).type()); }
  Type output(int i = 0) const { return seen(node_->type(i)); }

 private:
  Type seen(Type type) const {
    if (promoted_ && is_half(type.dtype)) type.dtype = DType::f32;
    return type;
  }
  const Node* node_;
  bool promoted_;
};

/// The view of a node that its kernel has while it is prepared.
class KernelContext {
 public:
  KernelContext(const Node& node, const MemoryPlan& plan, Device& device, WeightStore& weights, Arena& arena,
                Arena& scratch, const std::map<std::string, std::vector<float>, std::less<>>& variables)
      : node_(node),
        plan_(plan),
        device_(device),
        weights_(weights),
        arena_(arena),
        scratch_(scratch),
        variables_(variables) {}

  const Node& node() const { return node_; }
  Device& device() const { return device_; }
  const Attributes& attributes() const { return node_.attributes(); }
  bool has(int input) const {
    return input < static_cast<int>(node_.inputs().size()) && static_cast<bool>(node_.input(input));
  }
  const Type& input_type(int i) const {
    return widened_ ? input_types_[static_cast<size_t>(i)] : node_.input(i).type();
  }
  const Type& output_type(int i = 0) const { return widened_ ? output_types_[static_cast<size_t>(i)] : node_.type(i); }
  OperandTypes types() const { return {node_, widened_}; }

  /// For a kernel that has no arithmetic for its bf16 or f16 operands: from now on they look like f32 ones, in working
  /// memory. `wrap_with_casts` adds the conversions.
  void promote_to_f32();
  bool widened() const { return widened_; }
  Launch wrap_with_casts(Launch launch) const;

  /// Where an input is read and an output written. A constant becomes its plain copy.
  void* input(int i) const;
  void* output(int i = 0) const;
  In in(int i) const { return {input(i), input_type(i).dtype}; }
  Out out(int i = 0) const { return {output(i), output_type(i).dtype}; }
  /// The frozen tensor behind an input, seen through views; null for anything else.
  const Node* constant(int i) const;
  /// The same, where it may be packed once and for all.
  const Node* packable(int i) const;
  WeightStore& weights() const { return weights_; }
  bool assigned_in_place() const { return plan_.assigned_in_place(node_); }

  /// Working memory that is the kernel's alone while it runs.
  void* scratch(size_t bytes) {
    scratch_.grow(wide_bytes_ + bytes);
    return scratch_.base() + wide_bytes_;
  }

 private:
  static constexpr size_t kNotWide = SIZE_MAX;
  void* pointer(Value value) const;
  /// Reserves f32 working memory for a value, if it is bf16 or f16: its offset, or kNotWide.
  size_t reserve(const Type& type);

  bool widened_ = false;
  std::vector<Type> input_types_, output_types_;    // as the kernel sees them
  std::vector<size_t> wide_inputs_, wide_outputs_;  // offsets in the working memory
  size_t wide_bytes_ = 0;
  const Node& node_;
  const MemoryPlan& plan_;
  Device& device_;
  WeightStore& weights_;
  Arena& arena_;
  Arena& scratch_;
  const std::map<std::string, std::vector<float>, std::less<>>& variables_;
};

/// One op's kernel.
struct Kernel {
  const OpDef* op;
  Launch (*prepare)(KernelContext&);
  bool is_product = false;  ///< oneDNN's: bf16 needs AVX-512, f16 is always promoted to f32
  /// The forms that a product's frozen weight (input 1) can have. Empty function: the op reads constants as stored.
  std::vector<WeightForm> (*forms)(const OperandTypes&, const dnnl::engine&) = nullptr;
};
/// Whether oneDNN multiplies numbers of this type on this processor. (For f16 it would need AVX512-FP16 and version 3.)
bool has_products(DType dtype);
/// Whether the kernel of this product node sees its half floats as f32.
bool is_promoted(const Node& node);
/// Every kernel of this backend (kernel_table.cpp), and the one of `op`: null where there is none.
std::span<const Kernel> kernels();
const Kernel* find_kernel(const OpDef& op);

/// A oneDNN primitive with its arguments, callable without building anything. `scratchpad` comes from
/// KernelContext::scratch.
class Primitive {
 public:
  Primitive(const dnnl::primitive& primitive, const dnnl::stream& stream,
            std::vector<std::pair<int, dnnl::memory>> arguments);
  void operator()() const;

 private:
  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<std::pair<int, dnnl::memory>> memories_;  // keeps them alive
  std::vector<dnnl_exec_arg_t> arguments_;
};

/// Attributes that every primitive here has: its scratchpad is ours (a shared one gives wrong numbers under threads).
dnnl::primitive_attr user_scratchpad();
/// Throws Error when oneDNN fell back to its reference loops, which are some hundred times slower.
void check_not_reference(const char* implementation, const Node& node);

}  // namespace rankine::cpu
