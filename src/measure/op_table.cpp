#include "measure/op_table.h"

#include <algorithm>
#include <iomanip>
#include <vector>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// "512x512x128": an activation's axes, the batch aside where it is 1.
std::string sizes_of(const Type& type) {
  std::string text;
  for (size_t i = type.shape.size() > 2 && type.shape[0] == 1 ? 1 : 0; i < type.shape.size(); ++i)
    text += (text.empty() ? "" : "x") + std::to_string(type.shape[i]);
  return text;
}

/// "conv2d 3x3 stride 2": the op with the attributes that matter to a reader.
std::string kind_of(const Node& node, bool by_shape) {
  std::string kind(node.op().name);
  if (&node.op() == &conv2d_op || &node.op() == &conv2d_grad_x_op)
    kind += node.input(1).dim(2) == 1 ? " 1x1" : node.attributes().integer("stride") == 1 ? " 3x3" : " 3x3 stride 2";
  if (&node.op() == &linear_op || &node.op() == &linear_grad_x_op)
    kind += std::min(node.input(1).dim(0), node.input(1).dim(1)) < 256 ? " (LoRA)" : "";
  if (!by_shape) return kind;
  if (!node.inputs().empty()) kind += " " + sizes_of(node.input(0).type());
  if (node.output_count() > 0 && (node.inputs().empty() || node.type().shape != node.input(0).type().shape))
    kind += " -> " + sizes_of(node.type());
  return kind;
}

constexpr int kNameWidth = 40;

}  // namespace

OpTable::OpTable(std::span<const NodeTime> times, const DeviceLimits& limits, bool by_shape) : limits_(limits) {
  for (const NodeTime& time : times) {
    const Node& node = *time.node;
    const double flops = flops_of_node(node), bytes = bytes_of_node(node);
    for (Row* row : {&rows_[kind_of(node, by_shape)], &all_}) {
      ++row->calls;
      row->seconds += time.seconds;
      row->flops += flops;
      row->bytes += bytes;
      row->least_seconds += std::max(flops / limits.product_flops, bytes / limits.bytes);
    }
  }
}

void OpTable::print(std::ostream& out, const std::string& all_name) const {
  std::vector<std::pair<std::string, Row>> order(rows_.begin(), rows_.end());
  std::ranges::sort(order, [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  size_t longest = kNameWidth;
  for (const auto& [name, row] : order) longest = std::max(longest, name.size());
  const auto width = static_cast<int>(longest);
  out << std::fixed << std::left << std::setw(width) << "op" << std::right << std::setw(7) << "calls" << std::setw(10)
      << "ms" << std::setw(10) << "GFLOP" << std::setw(10) << "GB" << std::setw(10) << "TFLOP/s" << std::setw(9)
      << "GB/s" << std::setw(10) << "of limit" << '\n';
  const auto print_row = [&](const std::string& name, const Row& row) {
    out << std::left << std::setw(width) << name << std::right << std::setw(7) << row.calls << std::setprecision(1)
        << std::setw(10) << row.seconds * 1e3 << std::setw(10) << row.flops * 1e-9 << std::setprecision(2)
        << std::setw(10) << row.bytes * 1e-9 << std::setprecision(3) << std::setw(10) << row.flops / row.seconds * 1e-12
        << std::setprecision(1) << std::setw(9) << row.bytes / row.seconds * 1e-9 << std::setprecision(0)
        << std::setw(9) << 100.0 * row.least_seconds / row.seconds << "%\n";
  };
  for (const auto& [name, row] : order) print_row(name, row);
  print_row(all_name, all_);
  out << "\nlimits of this machine: " << std::setprecision(3) << limits_.product_flops * 1e-12
      << " TFLOP/s in a product, " << std::setprecision(1) << limits_.bytes * 1e-9 << " GB/s in a copy\n";
}

double OpTable::share_of_limit(double seconds) const { return all_.flops / seconds / limits_.product_flops; }

}  // namespace rankine
