#pragma once
#include <dnnl.hpp>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "backend/cpu/arena.h"
#include "backend/cpu/kernels/tensor_ptr.h"
#include "backend/cpu/variables.h"
#include "backend/cpu/weights.h"
#include "graph/memory/device_model.h"
#include "graph/memory/plan.h"
#include "graph/op.h"

namespace rankine::cpu {

/// A kernel that is ready to run: its pointers, shapes and types are fixed, and running it allocates and looks up
/// nothing. An empty function means that there is nothing to do.
using Launch = std::function<void()>;

/// State that all programs of a session share.
struct Device {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  int threads = 1;
};

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
                Arena& scratch, const Variables& variables)
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
  const Type& input_type(int i) const { return staged_ ? input_types_[static_cast<size_t>(i)] : node_.input(i).type(); }
  const Type& output_type(int i = 0) const { return staged_ ? output_types_[static_cast<size_t>(i)] : node_.type(i); }
  OperandTypes types() const { return {node_, promoted_}; }

  /// For products: from now on the kernel sees operands in working memory where they cannot be read as they lie. These
  /// are weights in a file of another type, and with `promoted` half floats as f32, because the processor has no
  /// products of them. wrap_with_casts() adds the conversions.
  void stage_operands(bool promoted);
  Launch wrap_with_casts(Launch launch) const;

  /// The memory of an input and of an output. For a constant it is the plain copy.
  void* input(int i) const;
  void* output(int i = 0) const;
  In in(int i) const { return {input(i), input_type(i).dtype}; }
  Out out(int i = 0) const { return {output(i), output_type(i).dtype}; }
  /// The constant behind an input, looked up through views; null when the input is not a constant.
  const Node* constant(int i) const;
  /// The same constant if it may be packed; null when it is kept plain or in its file.
  const Node* packable(int i) const;
  /// The same constant's place in its file if it is kept there.
  std::optional<StoredTensor> in_file(int i) const;
  WeightStore& weights() const { return weights_; }
  bool assigned_in_place() const { return plan_.assigned_in_place(node_); }

  /// Working memory that only this kernel uses while it runs.
  void* scratch(size_t bytes) {
    scratch_.grow(staged_bytes_ + bytes);
    return scratch_.base() + staged_bytes_;
  }

 private:
  static constexpr size_t kInPlace = SIZE_MAX;
  void* pointer(Value value) const;
  /// Reserves working memory for a value of that type and returns its offset.
  size_t reserve(const Type& type);

  bool staged_ = false, promoted_ = false;
  std::vector<Type> input_types_, output_types_;        // as the kernel sees them
  std::vector<size_t> staged_inputs_, staged_outputs_;  // offsets in the working memory
  std::vector<size_t> staged_roundings_;                // of inputs that are rounded on their way
  size_t staged_bytes_ = 0;
  const Node& node_;
  const MemoryPlan& plan_;
  Device& device_;
  WeightStore& weights_;
  Arena& arena_;
  Arena& scratch_;
  const Variables& variables_;
};

/// The kernel of one op.
struct Kernel {
  const OpDef* op;
  Launch (*prepare)(KernelContext&);
  bool is_product = false;  ///< a matrix product or convolution: bf16 needs AVX512-BF16, f16 is always promoted to f32
  /// The forms that a product's frozen weight (input 1) can have. Empty function: the op reads constants as stored.
  std::vector<WeightForm> (*forms)(const OperandTypes&, const dnnl::engine&) = nullptr;
};
/// True if oneDNN has products of this type on this processor. (For f16 it would need AVX512-FP16 and version 3.)
bool has_products(DType dtype);
/// True if the kernel of this product node sees its half floats as f32.
bool is_promoted(const Node& node);
/// Every kernel of this backend (kernel_table.cpp), and the one of `op`: null where there is none.
std::span<const Kernel> kernels();
const Kernel* find_kernel(const OpDef& op);

/// A oneDNN primitive with its arguments. Calling it builds nothing. The scratchpad comes from KernelContext::scratch.
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

/// The attributes of every primitive here: the scratchpad is ours, because a shared one gives wrong numbers under
/// threads.
dnnl::primitive_attr user_scratchpad();
/// Throws Error when oneDNN chose its reference loops, which are about a hundred times slower.
void check_not_reference(const char* implementation, const Node& node);

}  // namespace rankine::cpu
