#pragma once
#include <vector>

#include "graph/type.h"

namespace rankine {

/// A tensor on the host in double precision; reference loops read and write it. It holds integers exactly.
class HostTensor {
 public:
  HostTensor() = default;
  explicit HostTensor(Shape shape) : shape_(std::move(shape)), data_(static_cast<size_t>(count_of(shape_))) {}
  HostTensor(Shape shape, std::vector<double> data) : shape_(std::move(shape)), data_(std::move(data)) {}

  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const {
    return shape_[static_cast<size_t>(axis < 0 ? axis + static_cast<int>(shape_.size()) : axis)];
  }
  int64_t count() const { return static_cast<int64_t>(data_.size()); }
  bool empty() const { return data_.empty(); }
  double& operator[](int64_t i) { return data_[static_cast<size_t>(i)]; }
  double operator[](int64_t i) const { return data_[static_cast<size_t>(i)]; }
  std::vector<double>& data() { return data_; }
  const std::vector<double>& data() const { return data_; }

 private:
  Shape shape_;
  std::vector<double> data_;
};

}  // namespace rankine
