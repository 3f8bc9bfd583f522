#include "optim/python_names.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/error.h"
#include "base/shortened.h"
#include "io/nearest_name.h"
#include "optim/lr_schedule.h"
#include "optim/optimizer.h"

namespace rankine {
namespace {

/// A class of a Python package, whatever module of it is named, and the optimiser that computes the same here.
struct PythonClass {
  std::string_view package, name, own;
};
constexpr PythonClass classes[] = {
    {"torch", "AdamW", "AdamW"},
    {"bitsandbytes", "AdamW", "AdamW"},
    {"bitsandbytes", "AdamW32bit", "AdamW"},
    {"bitsandbytes", "AdamW8bit", "AdamW8bit"},
    {"bitsandbytes", "PagedAdamW", "PagedAdamW"},
    {"bitsandbytes", "PagedAdamW8bit", "PagedAdamW8bit"},
    {"bitsandbytes", "PagedAdamW32bit", "PagedAdamW32bit"},
    {"bitsandbytes", "Lion", "Lion"},
    {"bitsandbytes", "Lion32bit", "Lion"},
    {"bitsandbytes", "Lion8bit", "Lion8bit"},
    {"bitsandbytes", "PagedLion", "Lion"},
    {"bitsandbytes", "PagedLion32bit", "Lion"},
    {"bitsandbytes", "PagedLion8bit", "PagedLion8bit"},
    {"lion_pytorch", "Lion", "Lion"},
    {"dadaptation", "DAdaptAdaGrad", "DAdaptAdaGrad"},
    {"dadaptation", "DAdaptAdam", "DAdaptAdam"},
    {"dadaptation", "DAdaptAdamPreprint", "DAdaptAdamPreprint"},
    {"dadaptation", "DAdaptAdan", "DAdaptAdan"},
    {"dadaptation", "DAdaptAdanIP", "DAdaptAdanIP"},
    {"dadaptation", "DAdaptLion", "DAdaptLion"},
    {"dadaptation", "DAdaptSGD", "DAdaptSGD"},
    {"prodigyopt", "Prodigy", "Prodigy"},
    {"transformers", "Adafactor", "Adafactor"},
    {"schedulefree", "AdamWScheduleFree", "AdamWScheduleFree"},
    {"schedulefree", "RAdamScheduleFree", "RAdamScheduleFree"},
    {"schedulefree", "SGDScheduleFree", "SGDScheduleFree"},
};

/// Classes that a setting turns into one that is built, or nearly.
struct Advice {
  std::string_view name, text;
};
constexpr Advice advices[] = {
    {"Adam", "AdamW with --optimizer_args weight_decay=0 is the same as Adam without weight decay"},
    {"Adam8bit", "AdamW8bit with --optimizer_args weight_decay=0 is the same as Adam8bit without weight decay"},
    {"SGD", "SGDNesterov is SGD with Nesterov's momentum"},
    {"SGD8bit", "SGDNesterov8bit is the one that sd-scripts names"},
};

/// Schedules by the names of their functions and classes in diffusers and transformers.
constexpr Advice schedules[] = {
    {"get_constant_schedule", "constant"},
    {"get_constant_schedule_with_warmup", "constant_with_warmup"},
    {"get_linear_schedule_with_warmup", "linear"},
    {"get_cosine_schedule_with_warmup", "cosine"},
    {"get_cosine_with_hard_restarts_schedule_with_warmup", "cosine_with_restarts"},
    {"get_polynomial_decay_schedule_with_warmup", "polynomial"},
    {"get_inverse_sqrt_schedule", "inverse_sqrt"},
    {"get_cosine_with_min_lr_schedule_with_warmup", "cosine_with_min_lr"},
    {"get_wsd_schedule", "warmup_stable_decay"},
    {"get_piecewise_constant_schedule", "piecewise_constant"},
    {"AdafactorSchedule", "adafactor"},
};

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::string_view python_class(std::string_view path) { return path.substr(path.rfind('.') + 1); }

std::string optimizer_named(std::string_view type) {
  const std::vector<std::string> built = optimizer_names();
  for (const std::string& name : built)
    if (same_name(name, type)) return name;
  const std::string_view name = python_class(type), package = type.substr(0, type.find('.'));
  for (const PythonClass& known : classes)
    if (name != type && same_name(known.package, package) && same_name(known.name, name)) return std::string(known.own);

  const auto advice = std::ranges::find_if(advices, [&](const Advice& one) { return same_name(one.name, name); });
  const std::vector<std::string_view> names(built.begin(), built.end());
  std::string all;
  for (const std::string& one : built) all += (all.empty() ? "" : ", ") + one;
  fail("\"", shortened(type), "\" is not supported yet: this optimizer is not built",
       advice == std::end(advices) ? nearest_hint(name, names) : "; " + std::string(advice->text), "; there are ", all);
}

std::string schedule_named(std::string_view name) {
  const std::vector<std::string_view> own = lr_schedule_names(), torch = torch_schedule_names();
  if (std::ranges::find(own, name) != own.end()) return std::string(name);
  std::string all;
  for (const std::string_view one : own) all.append(all.empty() ? "" : ", ").append(one);
  const std::string_view same = schedule_of_python(name);
  check(same.empty(), "\"", shortened(name), "\" is the schedule ", same, " here: --lr_scheduler ", same);
  check(
      std::ranges::find(torch, python_class(name)) == torch.end(), "\"", shortened(name),
      "\" is a class of torch.optim.lr_scheduler: give it as --lr_scheduler_type, its settings as --lr_scheduler_args");
  const bool is_python = name.find('.') != name.npos || (!name.empty() && name.front() >= 'A' && name.front() <= 'Z');
  fail("\"", shortened(name), is_python ? "\" is not supported yet: this schedule is not built" : "\" is no choice",
       nearest_hint(python_class(name), own), "; choose from ", all);
}

std::string_view schedule_of_python(std::string_view path) {
  const auto found = std::ranges::find(schedules, python_class(path), &Advice::name);
  return found == std::end(schedules) ? std::string_view() : found->text;
}

}  // namespace rankine
