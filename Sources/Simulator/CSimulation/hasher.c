// Swift's hasher takes its seed from the kernel when the process starts. These are the runtime's
// own variables, `struct _SwiftHashingParameters` in its SwiftShims/GlobalObjects.h.
#define _GNU_SOURCE
#include "CSimulation.h"

#include <dlfcn.h>
#include <stddef.h>

struct hashing_parameters {
    uint64_t seed0, seed1;
    bool deterministic;
};

bool simulation_seed_hasher(uint64_t seed) {
    struct hashing_parameters *parameters =
        dlsym(RTLD_DEFAULT, "_swift_stdlib_Hashing_parameters");
    if (parameters == NULL) return false;
    parameters->seed0 = seed;
    parameters->seed1 = ~seed;
    parameters->deterministic = true;
    return true;
}
