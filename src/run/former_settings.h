#pragma once
#include "run/run_identity.h"

namespace rankine {

/// The settings of a state file in today's form. States written before the flag table said which flags change numbers
/// hold the values of all ss_* metadata, also at their defaults; other states are returned as they are.
RunSettings todays_settings(RunSettings settings);

}  // namespace rankine
