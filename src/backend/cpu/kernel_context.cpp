#include "backend/cpu/kernel_context.h"

#include <cstring>
#include <string_view>

#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "backend/cpu/passes/weight_forms.h"
#include "graph/ops/ops.h"

namespace rankine::cpu {

void* KernelContext::pointer(Value value) const {
  const Place& place = plan_.at(value);
  switch (place.kind) {
    case Place::Kind::arena:
      return arena_.base() + place.offset;
    case Place::Kind::variable:
      return variables_.data(place.leaf->scope());
    case Place::Kind::constant:
      return const_cast<void*>(weights_.plain(*place.leaf));
  }
  return nullptr;
}

void* KernelContext::input(int i) const {
  if (staged_ && staged_inputs_[static_cast<size_t>(i)] != kInPlace)
    return scratch_.base() + staged_inputs_[static_cast<size_t>(i)];
  if (staged_)
    if (const std::optional<StoredTensor> stored = in_file(i)) return const_cast<std::byte*>(stored->data);
  return pointer(node_.input(i));
}

void* KernelContext::output(int i) const {
  const size_t place = staged_ ? staged_outputs_[static_cast<size_t>(i)] : kInPlace;
  return place == kInPlace ? pointer({const_cast<Node*>(&node_), i}) : scratch_.base() + place;
}

size_t KernelContext::reserve(const Type& type) {
  const size_t offset = staged_bytes_;
  staged_bytes_ += (type.bytes() + 63) / 64 * 64;
  return offset;
}

void KernelContext::stage_operands(bool promoted) {
  const OperandTypes seen(node_, promoted);
  const auto stage = [&](const Type& is, const Type& wanted) { return is == wanted ? kInPlace : reserve(wanted); };
  for (int i = 0; i < static_cast<int>(node_.inputs().size()); ++i) {
    const Value input = node_.input(i);
    input_types_.push_back(input ? seen.input(i) : Type{});
    // Packed weights have the type already, and plain kernels are converted as they are packed (ops/conv2d.cpp).
    const bool converted_later = input && (packable(i) || (constant(i) && input.rank() == 4));
    Type is = input ? input.type() : Type{};
    if (const std::optional<StoredTensor> stored = in_file(i)) is.dtype = stored->dtype;
    staged_inputs_.push_back(!input || converted_later ? kInPlace : stage(is, input_types_.back()));
    // A weight of the file is rounded to the node's type before it is widened, so that it has the same values as a
    // copy.
    const bool rounded =
        staged_inputs_.back() != kInPlace && is.dtype != input.dtype() && input_types_.back().dtype != input.dtype();
    staged_roundings_.push_back(rounded ? reserve(input.type()) : kInPlace);
  }
  for (int i = 0; i < node_.output_count(); ++i) {
    output_types_.push_back(seen.output(i));
    staged_outputs_.push_back(stage(node_.type(i), output_types_.back()));
  }
  scratch_.grow(staged_bytes_);
  staged_ = true;
  promoted_ = promoted;
}

Launch KernelContext::wrap_with_casts(Launch launch) const {
  if (!staged_ || !launch) return launch;
  struct Copy {
    const void* from;
    DType from_type;
    Out to;
    int64_t count;
  };
  std::vector<Copy> before, after;
  std::vector<const Node*> read_from_file;
  for (int i = 0; i < static_cast<int>(staged_inputs_.size()); ++i) {
    const std::optional<StoredTensor> stored = in_file(i);
    if (stored) read_from_file.push_back(constant(i));
    if (staged_inputs_[static_cast<size_t>(i)] == kInPlace) continue;
    const Type& type = input_type(i);
    const Value value = node_.input(i);
    const void* from = stored ? stored->data : pointer(value);
    DType from_type = stored ? stored->dtype : value.dtype();
    if (const size_t place = staged_roundings_[static_cast<size_t>(i)]; place != kInPlace) {
      const Out rounded{scratch_.base() + place, value.dtype()};
      before.push_back({from, from_type, rounded, type.count()});
      from = rounded.data;
      from_type = rounded.dtype;
    }
    before.push_back({from, from_type, {input(i), type.dtype}, type.count()});
  }
  for (int i = 0; i < static_cast<int>(staged_outputs_.size()); ++i)
    if (staged_outputs_[static_cast<size_t>(i)] != kInPlace)
      after.push_back({output(i),
                       output_type(i).dtype,
                       {pointer({const_cast<Node*>(&node_), i}), node_.type(i).dtype},
                       output_type(i).count()});
  return [before = std::move(before), launch = std::move(launch), after = std::move(after),
          read_from_file = std::move(read_from_file), &weights = weights_] {
    for (const Copy& copy : before) cast(copy.from, copy.from_type, copy.to, copy.count);
    launch();
    for (const Copy& copy : after) cast(copy.from, copy.from_type, copy.to, copy.count);
    for (const Node* weight : read_from_file) weights.release_file(*weight);  // so that the file fills no memory
  };
}

const Node* KernelContext::constant(int i) const {
  const Place& place = plan_.at(node_.input(i));
  return place.kind == Place::Kind::constant ? place.leaf : nullptr;
}

const Node* KernelContext::packable(int i) const {
  const Node* leaf = constant(i);
  return leaf && may_be_packed(*leaf) ? leaf : nullptr;
}

std::optional<StoredTensor> KernelContext::in_file(int i) const {
  const Node* leaf = has(i) ? constant(i) : nullptr;
  if (!leaf || !leaf->attributes().has(Graph::keep_in_file)) return {};
  return weights_.in_file(*leaf);
}

Primitive::Primitive(const dnnl::primitive& primitive, const dnnl::stream& stream,
                     std::vector<std::pair<int, dnnl::memory>> arguments)
    : primitive_(primitive), stream_(stream), memories_(std::move(arguments)) {
  for (const auto& [index, memory] : memories_) arguments_.push_back({index, memory.get()});
}

void Primitive::operator()() const {
  const dnnl_status_t status =
      dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data());
  check(status == dnnl_success, "oneDNN failed with status ", static_cast<int>(status));
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

void check_not_reference(const char* implementation, const Node& node) {
  check(!std::string_view(implementation).starts_with("ref"), node.op().name, " \"", node.scope(),
        "\": oneDNN has only its reference loops (", implementation, ") for ", node.type());
}

}  // namespace rankine::cpu
