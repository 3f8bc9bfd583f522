#pragma once
#include <dnnl.hpp>
#include <string>
#include <vector>

#include "base/dtype.h"

/// The differences between oneDNN's versions: 2.x describes an operation by two objects, 3.x by one.
namespace rankine::cpu {

using Desc = dnnl::memory::desc;

dnnl::memory::data_type dnnl_type(DType dtype);

struct MatmulShape {
  Desc source, weights, bias, destination;  // bias may be empty
};
dnnl::matmul::primitive_desc make_matmul(const dnnl::engine& engine, const MatmulShape& shape,
                                         const dnnl::primitive_attr& attr);

struct ConvolutionShape {
  Desc source, weights, bias, destination;  // bias may be empty
  dnnl::memory::dims strides, padding_begin, padding_end;
};
dnnl::convolution_forward::primitive_desc make_convolution(const dnnl::engine& engine, const ConvolutionShape& shape,
                                                           const dnnl::primitive_attr& attr);
dnnl::convolution_backward_data::primitive_desc make_convolution_grad_x(const dnnl::engine& engine,
                                                                        const ConvolutionShape& shape,
                                                                        const dnnl::primitive_attr& attr);
dnnl::convolution_backward_weights::primitive_desc make_convolution_grad_w(const dnnl::engine& engine,
                                                                           const ConvolutionShape& shape,
                                                                           const dnnl::primitive_attr& attr);

/// Element type of a described tensor.
dnnl::memory::data_type type_of(const Desc& desc);
/// A text that two descriptions share when they have the same layout.
std::string layout_name(const Desc& desc);
/// Bytes of a described tensor, 0 for an empty description.
size_t bytes_of(const Desc& desc);

}  // namespace rankine::cpu
