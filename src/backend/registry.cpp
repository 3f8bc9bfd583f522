#include "backend/registry.h"

#include "backend/cpu/session.h"
#include "backend/null/session.h"
#include "backend/reference/session.h"
#include "graph/op.h"

namespace rankine {
namespace {

constexpr Backend all[] = {
    {"cpu", open_cpu_session, cpu_device, cpu_limits},  // oneDNN and our own kernels
    {"reference", open_reference_session, reference_device,
     [](DType) { return DeviceLimits(); }},  // plain loops in double: slow, for tests
};

}  // namespace

const Backend& null_backend() {
  static constexpr Backend null = {"null", [](ConstantSource&) { return open_null_session(cpu_device()); }, cpu_device,
                                   [](DType) { return DeviceLimits(); }};
  return null;
}

std::span<const Backend> backends() { return all; }

const Backend& find_backend(std::string_view name) {
  if (name == "auto") return all[0];
  for (const Backend& backend : all)
    if (backend.name == name) return backend;
  fail("there is no device \"", name, "\"; known are cpu and reference");
}

}  // namespace rankine
