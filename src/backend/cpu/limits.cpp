// Measures this machine's limits: a plain oneDNN product of the step's type, and a streaming copy.
#include <algorithm>

#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/session.h"
#include "base/timer.h"

namespace rankine {
namespace {

using namespace cpu;
using Tag = dnnl::memory::format_tag;

/// The least seconds of several runs.
double least_seconds(const std::function<void()>& run) {
  run();
  double least = 1e30;
  for (const Timer all; all.seconds() < 0.5;) {
    const Timer timer;
    run();
    least = std::min(least, timer.seconds());
  }
  return least;
}

double product_rate(Device& device, DType dtype) {
  constexpr int64_t M = 4096, K = 1280, N = 1280;
  const auto type = dnnl_type(dtype);
  const Desc source({M, K}, type, Tag::ab), weights({K, N}, type, Tag::any), destination({M, N}, type, Tag::ab);
  const auto desc = make_matmul(device.engine, {source, weights, Desc(), destination}, user_scratchpad());
  dnnl::memory x(source, device.engine), w(desc.weights_desc(), device.engine), y(destination, device.engine);
  dnnl::memory scratchpad(desc.scratchpad_desc(), device.engine);
  for (const dnnl::memory& m : {x, w})  // small numbers that are not zero: some processors are faster with zeros
    std::fill_n(static_cast<uint16_t*>(m.get_data_handle()), bytes_of(m.get_desc()) / 2, uint16_t{0x3c01});
  const Primitive product(
      dnnl::matmul(desc), device.stream,
      {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}, {DNNL_ARG_SCRATCHPAD, scratchpad}});
  return 2.0 * M * K * N / least_seconds(product);
}

double copy_rate() {
  constexpr int64_t kBytes = int64_t{256} << 20;  // beyond every cache
  Arena from, to;
  from.grow(kBytes);
  to.grow(kBytes);
  return 2.0 * kBytes / least_seconds([&] { copy_bytes(from.base(), to.base(), kBytes); });
}

}  // namespace

DeviceLimits cpu_limits(DType dtype) {
  Device device;
  // Where the processor cannot multiply the step's type its products are f32.
  return {product_rate(device, has_products(dtype) ? dtype : DType::f32), copy_rate()};
}

}  // namespace rankine
