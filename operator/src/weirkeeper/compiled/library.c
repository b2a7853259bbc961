// What a library tells of itself.
#include "library.h"

#ifndef WEIRKEEPER_BUILT_FROM
#error "hatch_build.py compiles this and says what of: python -m pip install --no-build-isolation --editable ."
#endif

const char weirkeeper_built_from[] = WEIRKEEPER_BUILT_FROM;

int64_t weirkeeper_version(void) { return WEIRKEEPER_VERSION; }
