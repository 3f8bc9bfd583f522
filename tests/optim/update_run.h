#pragma once
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "backend/registry.h"
#include "graph/ops/ops.h"
#include "optim/optimizer.h"
#include "support/no_constants.h"

/// One optimiser at work on a few tensors whose gradients are given.
class UpdateRun {
 public:
  UpdateRun(const std::string& type, const std::vector<std::string>& args, const std::vector<rankine::Shape>& shapes,
            const char* backend = "cpu")
      : optimizer_(rankine::make_optimizer(type, args)), session_(rankine::find_backend(backend).open(constants_)) {
    using namespace rankine;
    const Type scalar = {{}, DType::f32};
    const Value lr = graph_.input("lr", scalar), step = graph_.input("step", scalar), factor = fill(graph_, scalar, 1);
    std::vector<UpdateInputs> parameters;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const Type type_of_weight = {shapes[i], DType::f32};
      const std::string name = weight(i);
      parameters.push_back({graph_.variable(name, type_of_weight), graph_.variable("grad." + name, type_of_weight),
                            factor, lr, step, "unet", i == 0});
      counts_.push_back(static_cast<size_t>(type_of_weight.count()));
    }
    optimizer_->append_updates(graph_, parameters);
    executable_ = session_->compile(graph_);
  }

  void set(size_t i, const std::vector<float>& values) { session_->write_variable(weight(i), values); }
  std::vector<float> get(size_t i) const { return read(weight(i), counts_[i]); }
  std::vector<float> state(const std::string& name, size_t i, size_t count) const {
    return read(name + "." + weight(i), count);
  }
  /// The averaged weights of schedule-free optimisers, the weights of others.
  std::vector<float> evaluated(size_t i) const {
    std::vector<float> values = get(i);
    if (const auto rule = optimizer_->evaluation_weights()) {
      const std::vector<float> other = state(rule->state, i, counts_[i]);
      for (size_t k = 0; k < values.size(); ++k) values[k] += static_cast<float>(rule->amount) * other[k];
    }
    return values;
  }
  double output(const std::string& name) {
    float value = 0;
    executable_->get_output(name, std::span(&value, 1));
    return value;
  }
  void update(const std::vector<std::vector<float>>& gradients, double lr) {
    for (size_t i = 0; i < gradients.size(); ++i) session_->write_variable("grad." + weight(i), gradients[i]);
    const auto rate = static_cast<float>(lr), step = static_cast<float>(++steps_);
    for (const rankine::Value& input : graph_.leaves(rankine::input_op))
      executable_->set_input(input.node().scope(), std::span(input.node().scope() == "lr" ? &rate : &step, 1));
    executable_->run();
  }
  size_t variable_bytes() const { return session_->memory().variables; }

 private:
  static std::string weight(size_t i) { return "w" + std::to_string(i); }
  std::vector<float> read(const std::string& name, size_t count) const {
    std::vector<float> values(count);
    session_->read_variable(name, values);
    return values;
  }

  rankine::test::NoConstants constants_;
  std::unique_ptr<rankine::Optimizer> optimizer_;
  std::unique_ptr<rankine::Session> session_;
  rankine::Graph graph_;
  std::unique_ptr<rankine::Executable> executable_;
  std::vector<size_t> counts_;
  int steps_ = 0;
};
