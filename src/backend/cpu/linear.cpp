// linear and its two gradients as oneDNN matmuls. Frozen weights are packed once for each direction; trained ones are
// read as they are.
#include "backend/cpu/ops.h"
#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// destination [M, N] = source [M, K] x weights [K, N] (+ bias) (+ residual); `weights_input` is a constant or not.
Launch product(Prepare& p, const Desc& source, int weights_input, WeightStore::View view, bool with_bias,
               int residual) {
  const Type& w = p.input_type(weights_input);
  const bool forward = view == WeightStore::View::matrix;
  const int64_t K = forward ? w.shape[1] : w.shape[0], N = forward ? w.shape[0] : w.shape[1];
  const auto type = dnnl_type(w.dtype);
  const Node* constant = p.packable(weights_input);
  const Desc destination({source.dims()[0], N}, dnnl_type(p.output_type().dtype), Tag::ab);
  const Desc weights({K, N}, type, constant ? Tag::any : forward ? Tag::ba : Tag::ab);
  const Desc bias = with_bias ? Desc({1, N}, dnnl::memory::data_type::f32, Tag::ab) : Desc();

  dnnl::primitive_attr attr = user_scratchpad();
  if (residual >= 0) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attr.set_post_ops(sum);
  }
  const auto desc = make_matmul(p.device().engine, {source, weights, bias, destination}, attr);
  check_not_reference(desc.impl_info_str(), p.node());

  const dnnl::engine& engine = p.device().engine;
  std::vector<std::pair<int, dnnl::memory>> arguments = {
      {DNNL_ARG_SRC, {source, engine, p.input(0)}},
      {DNNL_ARG_WEIGHTS, constant ? p.weights().packed(*constant, view, desc.weights_desc())
                                  : dnnl::memory(weights, engine, p.input(weights_input))},
      {DNNL_ARG_DST, {destination, engine, p.output()}},
      {DNNL_ARG_SCRATCHPAD, {desc.scratchpad_desc(), engine, p.scratch(bytes_of(desc.scratchpad_desc()))}}};
  if (with_bias) arguments.emplace_back(DNNL_ARG_BIAS, dnnl::memory(bias, engine, p.input(2)));
  const Primitive matmul(dnnl::matmul(desc), p.device().stream, std::move(arguments));
  return with_residual(p, residual, matmul);
}

/// A tensor seen as rows of its last axis.
Desc rows(const Type& type) { return {{rows_of(type.shape), type.shape.back()}, dnnl_type(type.dtype), Tag::ab}; }

}  // namespace

Launch prepare_linear(Prepare& p) {
  return product(p, rows(p.input_type(0)), 1, WeightStore::View::matrix, p.has(2),
                 p.has(linear_residual) ? linear_residual : -1);
}

Launch prepare_linear_grad_x(Prepare& p) {
  return product(p, rows(p.input_type(0)), 1, WeightStore::View::transposed_matrix, false,
                 p.has(linear_grad_x_residual) ? linear_grad_x_residual : -1);
}

Launch prepare_linear_grad_w(Prepare& p) {
  const Type &x = p.input_type(0), &dy = p.input_type(1);
  const int64_t M = rows_of(x.shape), K = x.shape.back(), N = dy.shape.back();
  const Desc source({N, M}, dnnl_type(dy.dtype), Tag::ba), weights = rows(x);
  const Desc destination({N, K}, dnnl::memory::data_type::f32, Tag::ab);
  const auto desc = make_matmul(p.device().engine, {source, weights, Desc(), destination}, user_scratchpad());
  check_not_reference(desc.impl_info_str(), p.node());
  const dnnl::engine& engine = p.device().engine;
  return Primitive(
      dnnl::matmul(desc), p.device().stream,
      {{DNNL_ARG_SRC, {source, engine, p.input(1)}},
       {DNNL_ARG_WEIGHTS, {weights, engine, p.input(0)}},
       {DNNL_ARG_DST, {destination, engine, p.output()}},
       {DNNL_ARG_SCRATCHPAD, {desc.scratchpad_desc(), engine, p.scratch(bytes_of(desc.scratchpad_desc()))}}});
}

}  // namespace rankine::cpu
