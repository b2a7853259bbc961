#ifndef WEIRKEEPER_LIBRARY_H
#define WEIRKEEPER_LIBRARY_H

#include <stdint.h>

// Counts up with every change of a function that Python calls, here and in library.py.
#define WEIRKEEPER_VERSION 4

// Compiler, flags and sources, as hatch_build.py digests them: it compiles again what was made of others.
extern const char weirkeeper_built_from[];

int64_t weirkeeper_version(void);

#endif
