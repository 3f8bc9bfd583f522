#include "support/source_dir.h"

std::string source_dir() { return RANKINE_SOURCE_DIR; }
