// Progress of long calls is part of the public API; the engine uses the same class.
#ifndef UNDULA_BASE_PROGRESS_H_
#define UNDULA_BASE_PROGRESS_H_

#include "undula/progress.h"  // IWYU pragma: export

#endif  // UNDULA_BASE_PROGRESS_H_
