#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/backend.h"

namespace rankine::cpu {

/// The variables of a session by name: f32 numbers whose address stays the same once a program was compiled with them.
class Variables {
 public:
  /// Null when there is no variable of that name.
  float* data(std::string_view name) const;
  /// The variable's elements; throws Error when there is none of that name.
  std::span<float> at(std::string_view name) const;
  /// The same, made of zeros when there is none; throws Error when it has another number of elements.
  std::span<float> make(std::string_view name, size_t count);
  /// See Session::declare_flat.
  void declare_flat(std::string_view name, std::span<const FlatMember> members);

  /// Names and element counts; a flat variable stands for its members.
  std::vector<std::pair<std::string, int64_t>> list() const;
  size_t bytes() const;

 private:
  struct Entry {
    std::vector<float> own;  ///< empty for a member of a flat variable
    std::span<float> elements;
    bool member = false;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace rankine::cpu
