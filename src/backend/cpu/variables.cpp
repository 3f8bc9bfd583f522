#include "backend/cpu/variables.h"

#include <algorithm>

#include "base/error.h"

namespace rankine::cpu {

float* Variables::data(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.elements.data();
}

std::span<float> Variables::at(std::string_view name) const {
  const auto found = entries_.find(name);
  check(found != entries_.end(), "there is no variable \"", name, "\"");
  return found->second.elements;
}

std::span<float> Variables::make(std::string_view name, size_t count) {
  const auto [at, added] = entries_.try_emplace(std::string(name));
  Entry& entry = at->second;
  if (added) {
    entry.own.resize(count);
    entry.elements = entry.own;
  }
  check(entry.elements.size() == count, "variable \"", name, "\" has ", entry.elements.size(), " elements, not ",
        count);
  return entry.elements;
}

void Variables::declare_flat(std::string_view name, std::span<const FlatMember> members) {
  check(!entries_.contains(name), "variable \"", name, "\" cannot be made flat: it is there already");
  size_t total = 0;
  for (const FlatMember& member : members) total += static_cast<size_t>(member.count);
  std::span<float> rest = make(name, total);
  for (const FlatMember& member : members) {
    const auto count = static_cast<size_t>(member.count);
    const std::span<float> part = rest.first(count);
    rest = rest.subspan(count);
    make(member.name, count);
    Entry& entry = entries_.find(member.name)->second;
    check(!entry.member, "variable \"", member.name, "\" belongs to a flat variable already");
    std::ranges::copy(entry.own, part.begin());
    entry = {.own = {}, .elements = part, .member = true};
  }
}

std::vector<std::pair<std::string, int64_t>> Variables::list() const {
  std::vector<std::pair<std::string, int64_t>> all;
  for (const auto& [name, entry] : entries_)
    if (!entry.member) all.emplace_back(name, entry.elements.size());
  return all;
}

size_t Variables::bytes() const {
  size_t bytes = 0;
  for (const auto& [name, entry] : entries_) bytes += entry.own.size() * sizeof(float);
  return bytes;
}

}  // namespace rankine::cpu
