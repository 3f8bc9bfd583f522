// Counts what a compiled step takes from the heap. oneDNN 2.6 keeps the arguments of each execution in containers of
// its own, so what comes from its library is counted apart. Not in sanitizer builds: their operator new must stay.
#ifndef __SANITIZE_ADDRESS__
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <omp.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>

#include "backend/registry.h"
#include "graph/ops/ops.h"
#include "optim/adamw.h"
#include "step/parameter_groups.h"
#include "step/update_graph.h"
#include "support/lora.h"
#include "support/small_step.h"

namespace {

std::atomic<bool> counting = false;
std::atomic<int64_t> in_library = 0, elsewhere = 0;

void* allocate(size_t bytes, size_t alignment, const void* caller) {
  if (counting) {
    Dl_info info{};
    const bool library = dladdr(caller, &info) && info.dli_fname &&
                         std::string_view(info.dli_fname).find("libdnnl") != std::string_view::npos;
    ++(library ? in_library : elsewhere);
  }
  void* p = alignment == 0 ? std::malloc(bytes)
                           : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!p) throw std::bad_alloc();
  return p;
}

}  // namespace

// Both sides are ours and match, which GCC cannot see once it has put one of them in line.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(size_t bytes) { return allocate(bytes, 0, __builtin_return_address(0)); }
void* operator new[](size_t bytes) { return allocate(bytes, 0, __builtin_return_address(0)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return allocate(bytes, 0, __builtin_return_address(0));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new(size_t bytes, std::align_val_t a) {
  return allocate(bytes, static_cast<size_t>(a), __builtin_return_address(0));
}
void* operator new[](size_t bytes, std::align_val_t a) {
  return allocate(bytes, static_cast<size_t>(a), __builtin_return_address(0));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }

using namespace rankine;
using namespace rankine::test;

TEST_CASE("a compiled step and its update allocate nothing but what oneDNN takes for itself, the same in each step") {
  for (const DType compute : {DType::f32, DType::bf16}) {
    CAPTURE(compute);
    StepSettings settings = small_settings();
    settings.compute = compute;
    settings.conv_algorithm = "winograd";
    settings.device = &find_backend("cpu").device();
    RandomConstants constants;
    const std::unique_ptr<Session> session = find_backend("cpu").open(constants);
    for (const AdaptedLayer& m : settings.layers) {
      session->write_variable(m.key + ".lora_down.weight",
                              std::vector<float>(static_cast<size_t>(count_of(test::down_shape(m))), 0.01f));
      session->write_variable(m.key + ".lora_up.weight",
                              std::vector<float>(static_cast<size_t>(count_of(test::up_shape(m))), 0.01f));
    }
    Graph step, update;
    const std::vector<Value> trained = build_step_graph(step, settings, kShape);
    const std::unique_ptr<Executable> step_program = session->compile(step);
    const std::unique_ptr<Optimizer> optimizer = make_adamw({});
    build_update_graph(update, updated_variables(trained, parameter_groups(settings, {}), false), *optimizer, 1.0);
    const std::unique_ptr<Executable> update_program = session->compile(update);

    const auto set_inputs = [](Executable& program, Graph& graph) {
      for (const Value& input : graph.leaves(input_op))
        program.set_input(input.node().scope(), std::vector<float>(static_cast<size_t>(input.type().count()), 0.5f));
    };
    const auto run = [&] {
      set_inputs(*step_program, step);
      set_inputs(*update_program, update);
      in_library = elsewhere = 0;
      counting = true;
      step_program->run();
      update_program->run();
      counting = false;
    };
    run();
    run();
    const int64_t expected = in_library;
    for (int i = 0; i < 3; ++i) {
      run();
      CHECK(elsewhere == 0);
      CHECK(in_library == expected);
    }
    MESSAGE("oneDNN's own allocations a step: ", expected);
    // The counter works: it sees this allocation. (A new-expression that is deleted at once may be optimised away.)
    counting = true;
    ::operator delete(::operator new(1));
    counting = false;
    CHECK(elsewhere + in_library > expected);
  }
}

#endif
