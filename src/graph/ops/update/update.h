#pragma once
#include <optional>

#include "graph/op.h"

namespace rankine {

/// Throws Error unless inputs first ... last - 1 of an optimiser's update have the type of input 0.
inline void check_same_as_first(const Node& n, int first, int last) {
  for (int i = first; i < last; ++i)
    check(n.input(i).type() == n.input(0).type(), "input ", i, " is ", n.input(i).type(), ", expected ",
          n.input(0).type());
}

/// Throws Error unless inputs first ... last - 1 are single f32 numbers.
inline void check_scalars(const Node& n, int first, int last) {
  for (int i = first; i < last; ++i)
    check(n.input(i).type() == Type{{}, DType::f32}, "input ", i, " must be f32[], is ", n.input(i).type());
}

/// The first value of D-Adapted AdaGrad's sum of squares, as in the dadaptation package.
inline constexpr double dadapt_adagrad_start = 1e-6;

/// RAdam's factor on the rate in step `step`, which counts from 1; none while the variance is not tractable
/// (schedule_free.cpp).
std::optional<double> rectification(double beta2, double step);

}  // namespace rankine
