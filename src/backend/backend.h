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

/// Where frozen weights come from, by the constant's name.
class ConstantSource {
 public:
  virtual ~ConstantSource() = default;
  /// Fills `out` with the tensor's values. Throws Error unless it is there with that shape.
  virtual void read(std::string_view name, const Shape& shape, std::span<float> out) = 0;
  /// `name` will not be asked for again soon: pages of a mapped file may go.
  virtual void release(std::string_view) {}
};

/// Bytes a session holds.
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

/// A value of a program, and what in it is infinite or NaN.
struct NonFiniteValue {
  Value value;
  NonFiniteNumbers numbers;
};

/// A graph made ready to run on a session's device. Running allocates nothing.
class Executable {
 public:
  virtual ~Executable() = default;
  /// Gives an input its value for the next run alone. A run throws Error unless each input got one since the last.
  virtual void set_input(std::string_view name, std::span<const float> values) = 0;
  virtual void set_input(std::string_view name, std::span<const int32_t> values) = 0;
  virtual void run() = 0;
  /// One run with the seconds that each node's kernel took, in order of execution.
  virtual std::vector<NodeTime> profile() = 0;
  /// One run with a look at every value as soon as it is there: the first one with numbers that are not finite, or the
  /// variable that it got them from; inputs come before all. Constants are not looked at.
  virtual std::optional<NonFiniteValue> find_nonfinite() = 0;
  /// Copies an output of the last run.
  virtual void get_output(std::string_view name, std::span<float> values) = 0;
};

/// One device's memory: weights, variables, and one arena that all of its programs share.
class Session {
 public:
  virtual ~Session() = default;
  /// Prepares the graph, which must stay alive as long as the executable. Variables that are new start as zeros.
  virtual std::unique_ptr<Executable> compile(Graph& graph) = 0;
  /// The same for a program that comes and goes: what it alone needs of frozen weights goes with `release_scratch`.
  virtual std::unique_ptr<Executable> compile_temporary(Graph& graph) { return compile(graph); }
  /// A u8 variable is written and read as the f32 numbers, ceil(count / 4), that have its bytes.
  virtual void write_variable(std::string_view name, std::span<const float> values) = 0;
  virtual void read_variable(std::string_view name, std::span<float> values) = 0;
  /// Names and element counts of all variables there are.
  virtual std::vector<std::pair<std::string, int64_t>> variables() const = 0;
  virtual MemoryUse memory() const = 0;
  /// Gives the memory of the arena and of kernels back until the next run. Guests must be gone, other programs stay as
  /// they are.
  virtual void release_scratch() {}
  /// Drops packed weights (of a model that is not needed any more) and the arena; executables must be gone.
  virtual void release_weights() {}
};

/// What a device reaches at best, measured now with plain library calls.
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
