#include "graph/type.h"

namespace rankine {

std::ostream& operator<<(std::ostream& out, const Type& type) { return out << type.dtype << as_text(type.shape); }

}  // namespace rankine
