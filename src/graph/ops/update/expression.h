#pragma once
#include <limits>

#include "graph/ops/ops.h"

/// Arithmetic of f32 values with plain numbers, for the decompositions of updates (OpDef::decompose).
namespace rankine::expression {

/// A single number.
inline Value number(Graph& graph, double value) { return fill(graph, {{}, DType::f32}, value); }

inline Value operator*(Value x, double factor) { return scale(x, factor); }
inline Value operator*(double factor, Value x) { return scale(x, factor); }
inline Value operator/(Value x, double divisor) { return div(x, number(x.graph(), divisor)); }
inline Value operator+(Value x, double term) { return term == 0 ? x : add(x, number(x.graph(), term)); }
inline Value operator-(Value x, double term) { return x + -term; }
inline Value operator-(double a, Value x) { return scale(x, -1) + a; }
inline Value operator-(Value x) { return scale(x, -1); }

/// base to the power of x, for a number x; x to the power of a constant.
inline Value power(double base, Value x) { return pow(number(x.graph(), base), x); }
inline Value power(Value x, double exponent) { return pow(x, number(x.graph(), exponent)); }

inline Value square(Value x) { return mul(x, x); }
/// 1 where x > limit, else 0.
inline Value is_above(Value x, double limit) { return greater(x, number(x.graph(), limit)); }
/// 1, 0 or -1.
inline Value sign(Value x) {
  const Value zero = number(x.graph(), 0);
  return greater(x, zero) - greater(-x, zero);
}
/// The larger and the smaller one of a and b; b has a's shape or is one number.
inline Value larger(Value a, Value b) { return where(greater(a, b), a, b); }
inline Value smaller(Value a, Value b) { return where(greater(a, b), expand(b, a.shape()), a); }
inline Value larger(Value a, double b) { return larger(a, number(a.graph(), b)); }
inline Value smaller(Value a, double b) { return smaller(a, number(a.graph(), b)); }

/// The sum of all elements, f32 [].
inline Value total(Value x) { return sum_to(x, {}); }
/// Single numbers as one vector, and element k of a vector as a single number.
inline Value vector_of(std::initializer_list<Value> numbers) {
  std::vector<Value> parts;
  for (const Value& x : numbers) parts.push_back(reshape(x, {1}));
  return concat(parts, 0);
}
inline Value element(Value vector, int64_t k) { return reshape(slice(vector, 0, k, k + 1), {}); }

/// Every stride-th element, the first included. -> f32 [ceil(count / stride)]
inline Value every(Value x, int64_t stride) {
  const int64_t count = x.type().count(), kept = (count + stride - 1) / stride, missing = kept * stride - count;
  Value flat = reshape(x, {count});
  if (missing > 0) flat = concat({flat, fill(x.graph(), {{missing}, DType::f32}, 0)}, 0);
  return stride == 1 ? flat : reshape(slice(reshape(flat, {kept, stride}), 1, 0, 1), {kept});
}

}  // namespace rankine::expression
