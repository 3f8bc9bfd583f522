#include "models/family.h"

#include <algorithm>

#include "base/error.h"
#include "models/checkpoint/checkpoint.h"

namespace rankine {

bool TensorNames::has_prefix(std::string_view prefix) const {
  const auto found = shapes_.lower_bound(prefix);
  return found != shapes_.end() && found->first.starts_with(prefix);
}

const Shape* TensorNames::shape(std::string_view name) const {
  const auto found = shapes_.find(name);
  return found == shapes_.end() ? nullptr : &found->second;
}

const Family* recognise_family(const TensorNames& tensors) {
  const auto found =
      std::ranges::find_if(families(), [&](const Family* family) { return family->recognises(tensors); });
  return found == families().end() ? nullptr : *found;
}

std::vector<NamedShape> canonical_tensors(const Family& family, const NamedShape& in_file, const TensorNames& all) {
  const std::vector<std::string> names = family.canonical_names(in_file.name, all);
  const auto parts = std::ssize(names);
  Shape shape = in_file.shape;
  if (parts > 1) {
    check(!shape.empty() && shape[0] % parts == 0, "tensor \"", in_file.name, "\" has the impossible shape ",
          as_text(shape), ": it holds ", parts, " tensors of one size");
    shape[0] /= parts;
  }
  std::vector<NamedShape> tensors;
  for (const std::string& name : names)
    tensors.push_back({name, family.canonical_shape ? family.canonical_shape(name, shape) : shape});
  return tensors;
}

std::shared_ptr<const Model> open_model(const Checkpoint& checkpoint) {
  const Family& family = checkpoint.family();
  if (family.open) return family.open(checkpoint);
  std::string known;
  for (const Family* other : families())
    if (other->open) known.append(known.empty() ? "" : " or ").append(other->name);
  fail(checkpoint.path(), ": ", family.name, " is not supported yet; train from an ", known, " checkpoint");
}

}  // namespace rankine
