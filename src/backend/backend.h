#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/nonfinite.h"
#include "graph/graph.h"
#include "graph/memory/device_model.h"

namespace rankine {

/// A tensor as it lies in a mapped file.
struct StoredTensor {
  const std::byte* data = nullptr;
  DType dtype = DType::f32;  ///< f32, f16 or bf16; `data` is aligned for it
};

/// The source of frozen weights, by the name of the constant.
class ConstantSource {
 public:
  virtual ~ConstantSource() = default;
  /// Fills `out` with the values of the tensor. Throws Error unless the tensor exists with that shape.
  virtual void read(std::string_view name, const Shape& shape, std::span<float> out) = 0;
  /// The tensor in its file, which holds the numbers that `read` gives; none where there is no such place. It stays
  /// valid as long as the source.
  virtual std::optional<StoredTensor> stored(std::string_view) { return {}; }
  /// Says that `name` will not be read again soon, so pages of a mapped file can be dropped.
  virtual void release(std::string_view) {}
};

/// Bytes that a session holds.
struct MemoryUse {
  size_t weights = 0;    ///< frozen weights in the forms that kernels read
  size_t variables = 0;  ///< trained weights, gradients, optimiser state
  size_t arena = 0;      ///< activations: the largest program's arena
  size_t scratch = 0;    ///< working memory of kernels
  size_t total() const { return weights + variables + arena + scratch; }
};

struct NodeTime {
  const Node* node;
  double seconds;
};

/// A value of a program that has infinite or NaN elements.
struct NonFiniteValue {
  Value value;
  NonFiniteNumbers numbers;
};

/// A compiled graph. Running it allocates nothing.
class Executable {
 public:
  virtual ~Executable() = default;
  /// Sets an input for the next run only; run() throws Error unless every input was set since the previous run.
  virtual void set_input(std::string_view name, std::span<const float> values) = 0;
  virtual void set_input(std::string_view name, std::span<const int32_t> values) = 0;
  virtual void run() = 0;
  /// Runs once and returns the seconds of each node's kernel in order of execution.
  virtual std::vector<NodeTime> profile() = 0;
  /// Runs once and checks every input, then every value as soon as it is computed. Returns the first value with
  /// elements that are not finite, or the variable that caused them. Constants are not checked.
  virtual std::optional<NonFiniteValue> find_nonfinite() = 0;
  /// Copies an output of the previous run.
  virtual void get_output(std::string_view name, std::span<float> values) = 0;
};

/// A part of a flat variable (Session::declare_flat): `count` f32 numbers.
struct FlatMember {
  std::string name;
  int64_t count = 0;
  bool operator==(const FlatMember&) const = default;
};

/// The memory of one device: weights, variables, and one arena that all programs of the session share.
class Session {
 public:
  virtual ~Session() = default;
  /// Compiles the graph, which must outlive the executable. New variables start as zeros.
  virtual std::unique_ptr<Executable> compile(Graph& graph) = 0;
  /// The same for a temporary program: release_scratch() frees the copies of frozen weights that only it uses.
  virtual std::unique_ptr<Executable> compile_temporary(Graph& graph) { return compile(graph); }
  /// A u8 variable is written and read as the ceil(count / 4) f32 numbers that have its bytes.
  virtual void write_variable(std::string_view name, std::span<const float> values) = 0;
  virtual void read_variable(std::string_view name, std::span<float> values) = 0;
  /// Makes `name` a flat variable, f32 [sum of counts], whose members lie one after the other and share its memory.
  /// Programs, read_variable and write_variable may use either name, but one program must not use both. Members that
  /// exist keep their values, others start as zeros. Programs that use them must be compiled afterwards.
  virtual void declare_flat(std::string_view name, std::span<const FlatMember> members) = 0;
  /// Names and element counts of all variables. A flat variable stands for its members.
  virtual std::vector<std::pair<std::string, int64_t>> variables() const = 0;
  virtual MemoryUse memory() const = 0;
  /// Returns the memory of the arena and of kernels to the system until the next run. Temporary programs must be gone;
  /// other programs stay valid.
  virtual void release_scratch() {}
  /// Frees all frozen weights and the arena. Executables must be gone.
  virtual void release_weights() {}
};

/// The best rates of a device, measured now with plain library calls.
struct DeviceLimits {
  double product_flops = 0;  ///< of a large matrix product, per second
  double bytes = 0;          ///< read and written by a streaming copy, per second
};

/// One kind of device, as listed in registry.cpp.
struct Backend {
  std::string_view name;
  std::unique_ptr<Session> (*open)(ConstantSource& constants);  // `constants` must outlive the session
  const DeviceModel& (*device)();                               // facts for decisions before anything is compiled
  DeviceLimits (*limits)(DType dtype);                          // the roof for judging a step's speed
};

}  // namespace rankine
