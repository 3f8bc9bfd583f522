#pragma once
#include <string>

#include "graph/graph.h"

namespace rankine {

/// A place in a model's tree of modules: new constants are named after it, and new nodes carry it.
///   Scope unet(graph, "unet");  conv2d(unet / "conv_in", ...)  reads "unet.conv_in.weight".
class Scope {
 public:
  Scope(Graph& graph, std::string path) : graph_(&graph), path_(std::move(path)) {}
  Scope operator/(std::string_view name) const { return {*graph_, path_ + "." + std::string(name)}; }
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }
  Graph& graph() const { return *graph_; }
  const std::string& path() const { return path_; }
  /// A frozen tensor of the checkpoint: "PATH.NAME".
  Value constant(std::string_view name, Type type) const {
    return graph_->constant(path_ + "." + std::string(name), std::move(type));
  }
  /// Assigns new nodes to this module from now on.
  void enter() const { graph_->set_scope(path_); }

 private:
  Graph* graph_;
  std::string path_;
};

}  // namespace rankine
