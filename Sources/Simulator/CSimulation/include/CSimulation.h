#pragma once
#include <stdbool.h>
#include <stdint.h>

// Seeds the standard library's hasher for the whole process and turns per-instance seeds off.
// Must be called before any Dictionary or Set exists. False if the runtime has no such parameters.
bool simulation_seed_hasher(uint64_t seed);

// What the guard does when libc is asked for real time, entropy, a thread or a sleep.
enum simulation_guard_mode {
    SIMULATION_GUARD_OFF = 0,
    SIMULATION_GUARD_COUNT = 1,
    SIMULATION_GUARD_ABORT = 2,
};

enum simulation_guarded {
    SIMULATION_GUARDED_CLOCK = 0,
    SIMULATION_GUARDED_ENTROPY = 1,
    SIMULATION_GUARDED_THREAD = 2,
    SIMULATION_GUARDED_SLEEP = 3,
    SIMULATION_GUARDED_KINDS = 4,
};

// Sets the mode of the calling thread; every other thread keeps its own, which starts as OFF.
void simulation_guard_set(enum simulation_guard_mode mode);

// How often guarded threads asked for this since the process started, in modes COUNT and ABORT.
uint64_t simulation_guard_count(enum simulation_guarded kind);

// A number of the calling thread that no other living thread has.
uint64_t simulation_thread_id(void);

// Monotonic real nanoseconds, whatever the guard's mode; for reports about the simulator itself.
uint64_t simulation_real_nanoseconds(void);
