#include "backend/cpu/kernel_context.h"

#include <cstring>
#include <string_view>

#include "backend/cpu/kernels/elementwise/elementwise.h"
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
  const size_t wide = widened_ ? wide_inputs_[static_cast<size_t>(i)] : kNotWide;
  return wide == kNotWide ? pointer(node_.input(i)) : scratch_.base() + wide;
}

void* KernelContext::output(int i) const {
  const size_t wide = widened_ ? wide_outputs_[static_cast<size_t>(i)] : kNotWide;
  return wide == kNotWide ? pointer({const_cast<Node*>(&node_), i}) : scratch_.base() + wide;
}

size_t KernelContext::reserve(const Type& type) {
  if (!is_half(type.dtype)) return kNotWide;
  const size_t offset = wide_bytes_;
  wide_bytes_ += (static_cast<size_t>(type.count()) * sizeof(float) + 63) / 64 * 64;
  return offset;
}

void KernelContext::promote_to_f32() {
  const OperandTypes wide(node_, true);
  for (int i = 0; i < static_cast<int>(node_.inputs().size()); ++i) {
    const Value input = node_.input(i);
    input_types_.push_back(input ? wide.input(i) : Type{});
    // Packed weights are wide already; plain kernels are read tap by tap (WeightStore::by_tap) and widened there.
    const bool read_as_it_is = input && !packable(i) && !(constant(i) && input.rank() == 4);
    wide_inputs_.push_back(read_as_it_is ? reserve(input.type()) : kNotWide);
  }
  for (int i = 0; i < node_.output_count(); ++i) {
    output_types_.push_back(wide.output(i));
    wide_outputs_.push_back(reserve(node_.type(i)));
  }
  scratch_.grow(wide_bytes_);
  widened_ = true;
}

Launch KernelContext::wrap_with_casts(Launch launch) const {
  if (!widened_ || !launch) return launch;
  struct Copy {
    const void* from;
    DType from_type;
    Out to;
    int64_t count;
  };
  std::vector<Copy> before, after;
  for (int i = 0; i < static_cast<int>(wide_inputs_.size()); ++i)
    if (wide_inputs_[static_cast<size_t>(i)] != kNotWide)
      before.push_back(
          {pointer(node_.input(i)), node_.input(i).dtype(), {input(i), DType::f32}, input_type(i).count()});
  for (int i = 0; i < static_cast<int>(wide_outputs_.size()); ++i)
    if (wide_outputs_[static_cast<size_t>(i)] != kNotWide)
      after.push_back({output(i),
                       DType::f32,
                       {pointer({const_cast<Node*>(&node_), i}), node_.type(i).dtype},
                       output_type(i).count()});
  return [before = std::move(before), launch = std::move(launch), after = std::move(after)] {
    for (const Copy& copy : before) cast(copy.from, copy.from_type, copy.to, copy.count);
    launch();
    for (const Copy& copy : after) cast(copy.from, copy.from_type, copy.to, copy.count);
  };
}

const Node* KernelContext::constant(int i) const {
  const Place& place = plan_.at(node_.input(i));
  return place.kind == Place::Kind::constant ? place.leaf : nullptr;
}

const Node* KernelContext::packable(int i) const {
  const Node* leaf = constant(i);
  return leaf && !leaf->attributes().has(Graph::keep_plain) ? leaf : nullptr;
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
