// conv2d and its gradients as oneDNN convolutions over NHWC. The input gradient of a frozen stride-1 convolution is a
// forward convolution with flipped kernels: faster than oneDNN's backward, and it takes a residual.
#include <optional>

#include "backend/cpu/device_model.h"
#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "backend/cpu/kernels/shape/taps.h"
#include "backend/cpu/kernels/winograd/winograd.h"
#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/passes/conv_algorithm.h"
#include "backend/cpu/passes/weight_forms.h"
#include "graph/ops/ops.h"
#include "graph/passes/recompute.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// A picture [N, H, W, C] in oneDNN's order of axes, laid out as it is.
Desc picture(const Type& t) {
  return {{t.shape[0], t.shape[3], t.shape[1], t.shape[2]}, dnnl_type(t.dtype), Tag::acdb};
}

dnnl::memory::dims begin_of(const Conv2dGeometry& g) { return {g.top, g.left}; }
dnnl::memory::dims end_of(const Conv2dGeometry& g) { return {g.bottom, g.right}; }

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The kernels of a convolution in oneDNN's layout. `copy` packs kernels that are not constant into working memory
/// before each run.
struct Weights {
  dnnl::memory memory;
  Launch copy;
};

dnnl::memory scratch_memory(KernelContext& p, const Desc& desc, size_t offset) {
  return {desc, p.device().engine, static_cast<std::byte*>(p.scratch(offset + bytes_of(desc))) + offset};
}

/// Packs the kernels of a frozen convolution that is kept plain, or left in its file, before each run, tap by tap.
Weights pack_each_run(KernelContext& p, const Node& constant, bool flipped, const Desc& wanted, size_t scratch_offset) {
  const Type& w = p.input_type(1);  // f32 where the plain copy is bf16 but the processor cannot multiply that
  const int64_t O = w.shape[0], C = w.shape[1], taps = w.shape[2] * w.shape[3];
  const Shape matrix = flipped ? Shape{C, O, 1, 1} : Shape{O, C, 1, 1};
  const Shape strides = flipped ? Shape{1, C, 1, 1} : Shape{C, 1, 1, 1};
  const Desc plain(matrix, dnnl_type(w.dtype), strides);
  const DType stored_type = constant.type().dtype;
  const int64_t tap_count = O * C;
  const size_t stored_bytes = static_cast<size_t>(tap_count) * size_of(stored_type);
  const std::optional<StoredTensor> in_file = p.in_file(1);
  size_t wide_at = aligned(scratch_offset + bytes_of(wanted));
  std::byte* split = nullptr;
  if (in_file) {
    const size_t bytes = static_cast<size_t>(taps) * stored_bytes;
    split = static_cast<std::byte*>(p.scratch(wide_at + bytes)) + wide_at;
    wide_at = aligned(wide_at + bytes);
  }
  const auto* stored = split ? split : static_cast<const std::byte*>(p.weights().by_tap(constant));
  // Where it has to be widened, one tap at a time is, in the same place.
  void* wide = nullptr;
  if (w.dtype != stored_type)
    wide = static_cast<std::byte*>(p.scratch(wide_at + static_cast<size_t>(tap_count) * size_of(w.dtype))) + wide_at;
  const dnnl::memory packed = scratch_memory(p, wanted, scratch_offset);
  std::vector<Primitive> copies;
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t at = flipped ? taps - 1 - t : t;
    const Desc tap = wanted.submemory_desc(matrix, {0, 0, at / w.shape[3], at % w.shape[3]});
    const std::byte* source = stored + static_cast<size_t>(t) * stored_bytes;
    const dnnl::memory from(plain, p.device().engine, wide ? wide : const_cast<std::byte*>(source));
    const dnnl::memory to(tap, p.device().engine, packed.get_data_handle());
    copies.emplace_back(dnnl::reorder(from, to), p.device().stream,
                        std::vector<std::pair<int, dnnl::memory>>{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }
  return {packed, [=, copies = std::move(copies)] {
            if (split) split_taps({in_file->data, in_file->dtype}, {split, stored_type}, tap_count, taps);
            const std::byte* tap = stored;
            for (const Primitive& copy : copies) {
              if (wide) cast(tap, stored_type, {wide, DType::f32}, tap_count);
              copy();
              tap += stored_bytes;
            }
          }};
}

Weights weights_of(KernelContext& p, int input, bool flipped, const Desc& wanted, size_t scratch_offset) {
  if (const Node* constant = p.packable(input))
    return {
        p.weights().packed(*constant, flipped ? WeightStore::View::flipped_kernel : WeightStore::View::kernel, wanted),
        {}};
  if (const Node* constant = p.constant(input)) return pack_each_run(p, *constant, flipped, wanted, scratch_offset);
  const Type& w = p.input_type(input);
  const dnnl::memory plain({w.shape, dnnl_type(w.dtype), Tag::abcd}, p.device().engine, p.input(input));
  const dnnl::memory packed = scratch_memory(p, wanted, scratch_offset);
  return {packed,
          Primitive(dnnl::reorder(plain, packed), p.device().stream, {{DNNL_ARG_FROM, plain}, {DNNL_ARG_TO, packed}})};
}

Launch in_order(Launch first, Launch second) {
  if (!first) return second;
  return [first = std::move(first), second = std::move(second)] {
    first();
    second();
  };
}

/// The forward convolution that computes a conv2d node, or with flipped kernels its input gradient.
struct Forward {
  Conv2dGeometry geometry;
  bool flipped = false;
  bool with_bias = false;
  int residual = -1;  ///< the input's index
};

/// The node as a forward convolution; none for the input gradient of a strided one.
std::optional<Forward> as_forward(const OperandTypes& types, bool frozen) {
  const Conv2dGeometry g = Conv2dGeometry::of(types.node().attributes());
  const auto residual = [&](int input) { return types.has(input) ? input : -1; };
  if (&types.node().op() == &conv2d_op) return Forward{g, false, types.has(2), residual(linear_residual)};
  if (g.stride != 1 || !frozen) return {};
  const Shape k = types.input(1).shape;
  const int64_t kh = k[2] - 1, kw = k[3] - 1;
  return Forward{
      {1, kh - g.top, kw - g.left, kh - g.bottom, kw - g.right}, true, false, residual(linear_grad_x_residual)};
}

/// oneDNN's choice of an implementation, and with it the layout of the kernels.
dnnl::convolution_forward::primitive_desc describe(const OperandTypes& types, const dnnl::engine& engine,
                                                   const Forward& f) {
  const Type w = types.input(1);
  const Shape& k = w.shape;
  const Conv2dGeometry& g = f.geometry;
  const Desc source = picture(types.input(0)), destination = picture(types.output());
  const Desc weights(f.flipped ? Shape{k[1], k[0], k[2], k[3]} : k, dnnl_type(w.dtype), Tag::any);
  const Desc bias = f.with_bias ? Desc({k[0]}, dnnl::memory::data_type::f32, Tag::a) : Desc();
  dnnl::primitive_attr attr = user_scratchpad();
  if (f.residual >= 0) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attr.set_post_ops(sum);
  }
  auto desc = make_convolution(
      engine, {source, weights, bias, destination, {g.stride, g.stride}, begin_of(g), end_of(g)}, attr);
  check_not_reference(desc.impl_info_str(), types.node());
  return desc;
}

/// The same for oneDNN's own input gradient. It takes no post-ops: a residual is added afterwards.
dnnl::convolution_backward_data::primitive_desc describe_backward(const OperandTypes& types,
                                                                  const dnnl::engine& engine) {
  const Conv2dGeometry g = Conv2dGeometry::of(types.node().attributes());
  const Type w = types.input(1);
  const Desc weights(w.shape, dnnl_type(w.dtype), Tag::any);
  auto desc = make_convolution_grad_x(
      engine,
      {picture(types.output()), weights, Desc(), picture(types.input(0)), {g.stride, g.stride}, begin_of(g), end_of(g)},
      user_scratchpad());
  check_not_reference(desc.impl_info_str(), types.node());
  return desc;
}

Launch forward(KernelContext& p, const Forward& f) {
  const auto desc = describe(p.types(), p.device().engine, f);
  const size_t scratchpad = aligned(bytes_of(desc.scratchpad_desc()));
  const Weights ready = weights_of(p, 1, f.flipped, desc.weights_desc(), scratchpad);
  const dnnl::engine& engine = p.device().engine;
  std::vector<std::pair<int, dnnl::memory>> arguments = {
      {DNNL_ARG_SRC, {desc.src_desc(), engine, p.input(0)}},
      {DNNL_ARG_WEIGHTS, ready.memory},
      {DNNL_ARG_DST, {desc.dst_desc(), engine, p.output()}},
      {DNNL_ARG_SCRATCHPAD, scratch_memory(p, desc.scratchpad_desc(), 0)}};
  if (f.with_bias) arguments.emplace_back(DNNL_ARG_BIAS, dnnl::memory(desc.bias_desc(), engine, p.input(2)));
  const Primitive convolution(dnnl::convolution_forward(desc), p.device().stream, std::move(arguments));
  return in_order(ready.copy, with_residual(p, f.residual, convolution));
}

Launch winograd(KernelContext& p, const Forward& f) {
  const Shape &x = p.input_type(0).shape, &y = p.output_type().shape;
  const WinogradShape shape{x[0], x[1], x[2], x[3], y[3], p.input_type(0).dtype};
  const auto convolution = std::make_shared<WinogradConvolution>(
      p.device().engine, p.device().stream, shape, p.weights().winograd(*p.constant(1), shape.dtype, f.flipped));
  void* scratch = p.scratch(convolution->scratch_bytes());
  return [=, in = p.in(0), bias = f.with_bias ? static_cast<const float*>(p.input(2)) : nullptr,
          addend = f.residual >= 0 ? p.in(f.residual) : In{},
          out = p.out()] { convolution->run(in, bias, addend, out, scratch); };
}

}  // namespace

std::vector<WeightForm> conv2d_forms(const OperandTypes& types, const dnnl::engine& engine) {
  const std::optional<Forward> f = as_forward(types, true);
  const Type w = types.input(1), stored = types.node().input(1).type();
  const Desc layout = f ? describe(types, engine, *f).weights_desc() : describe_backward(types, engine).weights_desc();
  const WeightForm direct{"direct", (f && f->flipped ? "flipped kernel " : "kernel ") + layout_name(layout),
                          bytes_of(layout)};
  // A plain kernel is packed before each run, read and written at about a third of the speed of plain copies (measured
  // on AVX512-BF16); where it must be promoted, that is done one of its 9 taps at a time.
  const WeightForm plain{std::string(kPlainForm), "by tap", stored.bytes(),
                         3.0 * static_cast<double>(direct.bytes) / kCopyRate, direct.bytes + w.bytes() / 9};
  std::vector<WeightForm> forms = {direct, plain};
  if (const std::optional<DType> file = type_in_file(storage_of(types.node().input(1).node()))) {
    // It is split by tap in working memory first.
    const auto file_bytes = static_cast<double>(Type{w.shape, *file}.bytes());
    forms.push_back(
        {std::string(kMappedForm), "mapped", 0,
         plain.added_seconds + file_bytes / kFileRate + 2.0 * static_cast<double>(stored.bytes()) / kCopyRate,
         plain.working_bytes + stored.bytes()});
  }
  if (!uses_winograd(types.node())) return forms;
  // A direct convolution takes that much longer than Winograd's (measured on AVX512-BF16).
  constexpr double kWinogradGain = 0.45;
  for (WeightForm& form : forms) form.added_seconds += kWinogradGain * estimated_seconds(types.node());
  const int64_t in = f->flipped ? w.shape[0] : w.shape[1], out = f->flipped ? w.shape[1] : w.shape[0];
  forms.insert(forms.begin(), {"winograd", f->flipped ? "winograd flipped" : "winograd",
                               winograd_weight_bytes(engine, in, out, w.dtype)});
  return forms;
}

Launch prepare_conv2d(KernelContext& p) {
  const Forward f = *as_forward(p.types(), p.constant(1));
  return uses_winograd(p.node()) ? winograd(p, f) : forward(p, f);
}

Launch prepare_conv2d_grad_x(KernelContext& p) {
  if (const std::optional<Forward> f = as_forward(p.types(), p.constant(1)))
    return uses_winograd(p.node()) ? winograd(p, *f) : forward(p, *f);
  const int residual = p.has(linear_grad_x_residual) ? linear_grad_x_residual : -1;
  const auto desc = describe_backward(p.types(), p.device().engine);
  const size_t scratchpad = aligned(bytes_of(desc.scratchpad_desc()));
  const Weights ready = weights_of(p, 1, /*flipped=*/false, desc.weights_desc(), scratchpad);
  const dnnl::engine& engine = p.device().engine;
  void* target = p.output();
  const size_t offset = aligned(scratchpad + (ready.copy ? bytes_of(desc.weights_desc()) : 0));
  if (residual >= 0) target = static_cast<std::byte*>(p.scratch(offset + p.output_type().bytes())) + offset;
  const Primitive backward(dnnl::convolution_backward_data(desc), p.device().stream,
                           {{DNNL_ARG_DIFF_DST, {desc.diff_dst_desc(), engine, p.input(0)}},
                            {DNNL_ARG_WEIGHTS, ready.memory},
                            {DNNL_ARG_DIFF_SRC, {desc.diff_src_desc(), engine, target}},
                            {DNNL_ARG_SCRATCHPAD, scratch_memory(p, desc.scratchpad_desc(), 0)}});
  Launch launch = in_order(ready.copy, backward);
  if (residual < 0) return launch;
  const In addend = p.in(residual), computed{target, p.output_type().dtype};
  const Out out = p.out();
  const int64_t count = p.output_type().count();
  return in_order(launch, [=] { binary(BinaryOp::add, Broadcast::none, addend, computed, out, {1, 1, count}); });
}

Launch prepare_conv2d_grad_w(KernelContext& p) {
  const Conv2dGeometry g = Conv2dGeometry::of(p.attributes());
  const Desc x = picture(p.input_type(0)), dy = picture(p.input_type(1));
  const Desc weights(p.output_type().shape, dnnl::memory::data_type::f32, Tag::any);
  const auto desc = make_convolution_grad_w(
      p.device().engine, {x, weights, Desc(), dy, {g.stride, g.stride}, begin_of(g), end_of(g)}, user_scratchpad());
  check_not_reference(desc.impl_info_str(), p.node());
  const dnnl::engine& engine = p.device().engine;
  const size_t scratchpad = aligned(bytes_of(desc.scratchpad_desc()));
  const dnnl::memory packed = scratch_memory(p, desc.diff_weights_desc(), scratchpad);
  const dnnl::memory plain({p.output_type().shape, dnnl::memory::data_type::f32, Tag::abcd}, engine, p.output());
  const Primitive backward(dnnl::convolution_backward_weights(desc), p.device().stream,
                           {{DNNL_ARG_SRC, {x, engine, p.input(0)}},
                            {DNNL_ARG_DIFF_DST, {dy, engine, p.input(1)}},
                            {DNNL_ARG_DIFF_WEIGHTS, packed},
                            {DNNL_ARG_SCRATCHPAD, scratch_memory(p, desc.scratchpad_desc(), 0)}});
  const Primitive unpack(dnnl::reorder(packed, plain), p.device().stream,
                         {{DNNL_ARG_FROM, packed}, {DNNL_ARG_TO, plain}});
  return in_order(backward, unpack);
}

}  // namespace rankine::cpu
