#include "backend/cpu/kernel.h"

#include <cstring>
#include <string_view>

#include "graph/ops/ops.h"

namespace rankine::cpu {

void* Prepare::pointer(Value value) const {
  const Place& place = plan_.at(value);
  switch (place.kind) {
    case Place::Kind::arena:
      return arena_.base() + place.offset;
    case Place::Kind::variable:
      return const_cast<float*>(variables_.find(place.leaf->scope())->second.data());
    case Place::Kind::constant:
      return const_cast<void*>(weights_.plain(*place.leaf));
  }
  return nullptr;
}

const Node* Prepare::constant(int i) const {
  const Place& place = plan_.at(node_.input(i));
  return place.kind == Place::Kind::constant ? place.leaf : nullptr;
}

const Node* Prepare::packable(int i) const {
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
