#include "backend/cpu/dnnl_compat.h"

#include "base/error.h"

namespace rankine::cpu {

dnnl::memory::data_type dnnl_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return dnnl::memory::data_type::f32;
    case DType::bf16:
      return dnnl::memory::data_type::bf16;
    default:
      fail("oneDNN is given f32 or bf16 here, not ", dtype);
  }
}

size_t bytes_of(const Desc& desc) { return desc.get_size(); }

namespace {

constexpr auto kForward = dnnl::prop_kind::forward_training;
constexpr auto kDirect = dnnl::algorithm::convolution_direct;

std::string named_layout(dnnl::memory::data_type type, const dnnl::memory::dims& strides,
                         const dnnl::memory::dims& blocks, const dnnl::memory::dims& axes) {
  std::string name = std::to_string(static_cast<int>(type));
  for (const auto* numbers : {&strides, &blocks, &axes}) {
    name += ':';
    for (const dnnl::memory::dim number : *numbers) name += ' ' + std::to_string(number);
  }
  return name;
}

bool empty(const Desc& desc) { return desc.get_size() == 0; }

}  // namespace

#if DNNL_VERSION_MAJOR >= 3

dnnl::memory::data_type type_of(const Desc& desc) { return desc.get_data_type(); }

std::string layout_name(const Desc& desc) {
  return named_layout(type_of(desc), desc.get_strides(), desc.get_inner_blks(), desc.get_inner_idxs());
}

dnnl::matmul::primitive_desc make_matmul(const dnnl::engine& engine, const MatmulShape& s,
                                         const dnnl::primitive_attr& attr) {
  if (empty(s.bias)) return {engine, s.source, s.weights, s.destination, attr};
  return {engine, s.source, s.weights, s.bias, s.destination, attr};
}

dnnl::convolution_forward::primitive_desc make_convolution(const dnnl::engine& engine, const ConvolutionShape& s,
                                                           const dnnl::primitive_attr& attr) {
  if (empty(s.bias))
    return {engine,        kForward,  kDirect,         s.source,      s.weights,
            s.destination, s.strides, s.padding_begin, s.padding_end, attr};
  return {engine,        kForward,  kDirect,         s.source,      s.weights, s.bias,
          s.destination, s.strides, s.padding_begin, s.padding_end, attr};
}

dnnl::convolution_backward_data::primitive_desc make_convolution_grad_x(const dnnl::engine& engine,
                                                                        const ConvolutionShape& s,
                                                                        const dnnl::primitive_attr& attr) {
  ConvolutionShape forward = s;
  forward.bias = Desc();
  return {engine,
          kDirect,
          s.source,
          s.weights,
          s.destination,
          s.strides,
          s.padding_begin,
          s.padding_end,
          make_convolution(engine, forward, {}),
          attr};
}

dnnl::convolution_backward_weights::primitive_desc make_convolution_grad_w(const dnnl::engine& engine,
                                                                           const ConvolutionShape& s,
                                                                           const dnnl::primitive_attr& attr) {
  ConvolutionShape forward = s;
  forward.bias = Desc();
  forward.weights = Desc(s.weights.get_dims(), s.source.get_data_type(), dnnl::memory::format_tag::any);
  return {engine,
          kDirect,
          s.source,
          s.weights,
          s.destination,
          s.strides,
          s.padding_begin,
          s.padding_end,
          make_convolution(engine, forward, {}),
          attr};
}

#else

dnnl::memory::data_type type_of(const Desc& desc) { return desc.data_type(); }

std::string layout_name(const Desc& desc) {
  const dnnl_blocking_desc_t& blocking = desc.data.format_desc.blocking;
  const auto first = [](const dnnl_dim_t* values, int count) { return dnnl::memory::dims(values, values + count); };
  return named_layout(type_of(desc), first(blocking.strides, desc.data.ndims),
                      first(blocking.inner_blks, blocking.inner_nblks),
                      first(blocking.inner_idxs, blocking.inner_nblks));
}

dnnl::matmul::primitive_desc make_matmul(const dnnl::engine& engine, const MatmulShape& s,
                                         const dnnl::primitive_attr& attr) {
  const dnnl::matmul::desc desc = empty(s.bias) ? dnnl::matmul::desc(s.source, s.weights, s.destination)
                                                : dnnl::matmul::desc(s.source, s.weights, s.bias, s.destination);
  return {desc, attr, engine};
}

dnnl::convolution_forward::primitive_desc make_convolution(const dnnl::engine& engine, const ConvolutionShape& s,
                                                           const dnnl::primitive_attr& attr) {
  using Description = dnnl::convolution_forward::desc;
  const Description desc = empty(s.bias) ? Description(kForward, kDirect, s.source, s.weights, s.destination, s.strides,
                                                       s.padding_begin, s.padding_end)
                                         : Description(kForward, kDirect, s.source, s.weights, s.bias, s.destination,
                                                       s.strides, s.padding_begin, s.padding_end);
  return {desc, attr, engine};
}

dnnl::convolution_backward_data::primitive_desc make_convolution_grad_x(const dnnl::engine& engine,
                                                                        const ConvolutionShape& s,
                                                                        const dnnl::primitive_attr& attr) {
  ConvolutionShape forward = s;
  forward.bias = Desc();
  const dnnl::convolution_backward_data::desc desc(kDirect, s.source, s.weights, s.destination, s.strides,
                                                   s.padding_begin, s.padding_end);
  return {desc, attr, engine, make_convolution(engine, forward, {})};
}

dnnl::convolution_backward_weights::primitive_desc make_convolution_grad_w(const dnnl::engine& engine,
                                                                           const ConvolutionShape& s,
                                                                           const dnnl::primitive_attr& attr) {
  ConvolutionShape forward = s;
  forward.bias = Desc();
  forward.weights = Desc(s.weights.dims(), s.source.data_type(), dnnl::memory::format_tag::any);
  const dnnl::convolution_backward_weights::desc desc(kDirect, s.source, s.weights, s.destination, s.strides,
                                                      s.padding_begin, s.padding_end);
  return {desc, attr, engine, make_convolution(engine, forward, {})};
}

#endif

}  // namespace rankine::cpu
