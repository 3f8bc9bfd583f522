// linear and its two gradients as oneDNN matmuls, alone or with a LoRA. Frozen weights are packed once for each
// direction; trained ones are read as they are.
#include <optional>

#include "backend/cpu/device_model.h"
#include "backend/cpu/kernels/linear/linear.h"
#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/passes/weight_forms.h"
#include "backend/cpu/processor.h"
#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"
#include "graph/passes/recompute.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// A tensor seen as rows of its last axis.
Desc rows(const Type& type) { return {{rows_of(type.shape), type.shape.back()}, dnnl_type(type.dtype), Tag::ab}; }

/// One product of a node: result [M, N] = source [M, K] x weights [K, N] (+ bias), or added to what the result holds.
struct Factors {
  Type source_type;
  void* source;
  int weights_input;  ///< a constant or not
  WeightStore::View view;
  int bias_input = -1;
  int output = 0;
  bool adds = false;
};

/// oneDNN's choice for a product. `packed`: it also chooses the layout of the weights.
dnnl::matmul::primitive_desc describe(const OperandTypes& types, const dnnl::engine& engine, const Factors& f,
                                      bool packed) {
  const Type w = types.input(f.weights_input);
  const bool forward = f.view == WeightStore::View::matrix;
  const int64_t K = forward ? w.shape[1] : w.shape[0], N = forward ? w.shape[0] : w.shape[1];
  const Desc source = rows(f.source_type);
  const Desc destination({source.dims()[0], N}, dnnl_type(types.output(f.output).dtype), Tag::ab);
  const Desc weights({K, N}, dnnl_type(w.dtype), packed ? Tag::any : forward ? Tag::ba : Tag::ab);
  const bool with_bias = f.bias_input >= 0 && types.has(f.bias_input);
  const Desc bias = with_bias ? Desc({1, N}, dnnl::memory::data_type::f32, Tag::ab) : Desc();

  dnnl::primitive_attr attr = user_scratchpad();
  if (f.adds) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attr.set_post_ops(sum);
  }
  auto desc = make_matmul(engine, {source, weights, bias, destination}, attr);
  check_not_reference(desc.impl_info_str(), types.node());
  return desc;
}

Primitive product(KernelContext& p, const Factors& f) {
  const Node* constant = p.packable(f.weights_input);
  const dnnl::engine& engine = p.device().engine;
  const auto desc = describe(p.types(), engine, f, constant);
  const bool with_bias = f.bias_input >= 0 && p.has(f.bias_input);
  std::vector<std::pair<int, dnnl::memory>> arguments = {
      {DNNL_ARG_SRC, {desc.src_desc(), engine, f.source}},
      {DNNL_ARG_WEIGHTS, constant ? p.weights().packed(*constant, f.view, desc.weights_desc())
                                  : dnnl::memory(desc.weights_desc(), engine, p.input(f.weights_input))},
      {DNNL_ARG_DST, {desc.dst_desc(), engine, p.output(f.output)}},
      {DNNL_ARG_SCRATCHPAD, {desc.scratchpad_desc(), engine, p.scratch(bytes_of(desc.scratchpad_desc()))}}};
  if (with_bias) arguments.emplace_back(DNNL_ARG_BIAS, dnnl::memory(desc.bias_desc(), engine, p.input(f.bias_input)));
  return {dnnl::matmul(desc), p.device().stream, std::move(arguments)};
}

/// The product with the node's weight: inputs 0 and 1, plus a residual if there is one.
Launch main_product(KernelContext& p, WeightStore::View view, int bias_input, int residual) {
  const bool adds = p.has(residual);
  return with_residual(p, adds ? residual : -1,
                       product(p, {p.input_type(0), p.input(0), 1, view, bias_input, 0, adds}));
}

/// A frozen layer and its LoRA as three products; `first` and `second` are the inputs that make the low product and
/// the difference.
Launch three_products(KernelContext& p, WeightStore::View view, int bias_input, int first, int second) {
  const Primitive low = product(p, {p.input_type(0), p.input(0), first, view, -1, 1});
  const Primitive difference = product(p, {p.output_type(1), p.output(1), second, view, -1, 0, true});
  return [=, main = main_product(p, view, bias_input, lora_linear_residual)] {
    low();
    main();
    difference();
  };
}

/// True if our own products (kernels/linear.h) are used. With AMX oneDNN's bf16 is so much faster that it wins,
/// although it goes over memory more often (reasoned, not measured). oneDNN's f32 reaches half of what ours does on
/// AVX2, and a step with ours takes 0.9 to 1.0 of the time on AVX-512.
bool own_products(DType dtype) { return dtype == DType::f32 || instruction_set() < InstructionSet::amx_bf16; }

/// The shape for our own product of a node, with a LoRA or without; none where oneDNN's product is taken.
std::optional<LoraLinearShape> own_shape(const OperandTypes& types, bool lora) {
  const Type x = types.input(0), y = types.output(0);
  // oneDNN's bf16 products without a LoRA are as fast as ours.
  if (!own_products(x.dtype) || (!lora && x.dtype != DType::f32)) return {};
  const LoraLinearShape shape{rows_of(x.shape), x.shape.back(), y.shape.back(), lora ? types.output(1).shape.back() : 0,
                              x.dtype};
  return lora_linear_supported(shape) ? std::optional(shape) : std::nullopt;
}

/// The kernel that does a layer and its LoRA (`first` and `second` are the inputs that make the low product and the
/// difference; none: -1) in one go; empty where it does not run or the weight has no packed form.
Launch one_product(KernelContext& p, WeightStore::View view, int bias_input, int residual, int first = -1,
                   int second = -1) {
  const bool lora = first >= 0, forward = view == WeightStore::View::matrix;
  const Node* weight = p.packable(1);
  const std::optional<LoraLinearShape> own = weight ? own_shape(p.types(), lora) : std::nullopt;
  if (!own) return {};
  const LoraLinearShape shape = *own;
  const int threads = p.device().threads;
  LoraLinearOperands operands{
      .x = p.input(0),
      .w = p.weights().panels(*weight, view, shape.dtype),
      .a = {},
      .b = {},
      .bias = bias_input >= 0 && p.has(bias_input) ? static_cast<const float*>(p.input(bias_input)) : nullptr,
      .residual = p.has(residual) ? p.input(residual) : nullptr,
      .y = p.output(0),
      .low = nullptr};
  if (lora) {
    operands.a = {p.input(first), shape.depth, shape.rank, forward, forward ? shape.depth : shape.rank};
    operands.b = {p.input(second), shape.rank, shape.columns, forward, forward ? shape.rank : shape.columns};
    operands.low = p.output(1);
  }
  void* scratch = p.scratch(lora_linear_scratch_bytes(shape, threads));
  return [=] { lora_linear(shape, operands, scratch, threads); };
}

Launch without_lora(KernelContext& p, WeightStore::View view, int bias_input, int residual) {
  Launch launch = one_product(p, view, bias_input, residual);
  return launch ? launch : main_product(p, view, bias_input, residual);
}

Launch with_lora(KernelContext& p, WeightStore::View view, int bias_input, int first, int second) {
  Launch launch = one_product(p, view, bias_input, lora_linear_residual, first, second);
  return launch ? launch : three_products(p, view, bias_input, first, second);
}

}  // namespace

std::vector<WeightForm> linear_forms(const OperandTypes& types, const dnnl::engine& engine) {
  const OpDef& op = types.node().op();
  const bool lora = &op == &lora_linear_op || &op == &lora_linear_grad_x_op;
  const bool forward = &op == &linear_op || &op == &lora_linear_op;
  const WeightStore::View view = forward ? WeightStore::View::matrix : WeightStore::View::transposed_matrix;
  const char* const direction = forward ? "matrix " : "transposed matrix ";
  const Type w = types.input(1), stored = types.node().input(1).type();
  const int64_t K = forward ? w.shape[1] : w.shape[0], N = forward ? w.shape[0] : w.shape[1];
  WeightForm packed{"packed", ""};
  if (const auto own = own_shape(types, lora)) {
    packed.bytes = packed_panel_bytes(own->dtype, K, N);
    packed.copy = concat_text(direction, "panels ", own->dtype);
  } else {
    const int residual = lora ? lora_linear_residual : forward ? linear_residual : linear_grad_x_residual;
    const Desc layout =
        describe(types, engine, {types.input(0), nullptr, 1, view, forward ? 2 : -1, 0, types.has(residual)}, true)
            .weights_desc();
    packed.bytes = bytes_of(layout);
    packed.copy = direction + layout_name(layout);
  }
  // A product that has to pack its weights as it runs takes a tenth longer (measured on AVX512-BF16).
  const size_t promoted = w.dtype == stored.dtype ? 0 : w.bytes();
  const double packing = 0.10 * estimated_seconds(types.node());
  std::vector<WeightForm> forms = {packed, {std::string(kPlainForm), "plain", stored.bytes(), packing, promoted}};
  if (const std::optional<DType> file = type_in_file(storage_of(types.node().input(1).node()))) {
    const Type in_file{w.shape, *file};
    const bool rounded = *file != stored.dtype && w.dtype != stored.dtype;  // before it is widened
    const size_t converted = (*file == w.dtype ? 0 : w.bytes()) + (rounded ? stored.bytes() : 0);
    forms.push_back(
        {std::string(kMappedForm), "mapped", 0,
         packing + static_cast<double>(in_file.bytes()) / kFileRate + static_cast<double>(2 * converted) / kCopyRate,
         converted});
  }
  return forms;
}

Launch prepare_linear(KernelContext& p) { return without_lora(p, WeightStore::View::matrix, 2, linear_residual); }

Launch prepare_linear_grad_x(KernelContext& p) {
  return without_lora(p, WeightStore::View::transposed_matrix, -1, linear_grad_x_residual);
}

Launch prepare_lora_linear(KernelContext& p) {
  return with_lora(p, WeightStore::View::matrix, 2, lora_linear_down, lora_linear_up);
}

Launch prepare_lora_linear_grad_x(KernelContext& p) {
  return with_lora(p, WeightStore::View::transposed_matrix, -1, lora_linear_up, lora_linear_down);
}

Launch prepare_linear_grad_w(KernelContext& p) {
  const Type &x = p.input_type(0), &dy = p.input_type(1);
  const int64_t M = rows_of(x.shape), K = x.shape.back(), N = dy.shape.back();
  if (const LoraGradShape shape{M, K, N, x.dtype}; own_products(x.dtype) && lora_grad_w_supported(shape)) {
    const int threads = p.device().threads;
    void* scratch = p.scratch(lora_grad_w_scratch_bytes(shape, threads));
    return [=, x_values = p.input(0), dy_values = p.input(1), dw = static_cast<float*>(p.output())] {
      lora_grad_w(shape, x_values, dy_values, dw, scratch, threads);
    };
  }
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
