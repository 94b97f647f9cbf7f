// Stands in front of libc's clocks, entropy, threads and sleeps, so that code which reaches them
// inside a simulation is caught at the call instead of as a run that cannot be repeated.
#define _GNU_SOURCE
#include "CSimulation.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define INTERPOSED __attribute__((visibility("default")))

// Finds libc's own function once; racing threads find the same one.
#define REAL(name)                                                      \
    ({                                                                  \
        static void *found;                                             \
        void *address = __atomic_load_n(&found, __ATOMIC_RELAXED);      \
        if (address == NULL) {                                          \
            address = dlsym(RTLD_NEXT, #name);                          \
            __atomic_store_n(&found, address, __ATOMIC_RELAXED);        \
        }                                                               \
        (__typeof__(&name))address;                                     \
    })

static __thread enum simulation_guard_mode mode = SIMULATION_GUARD_OFF;
static uint64_t counts[SIMULATION_GUARDED_KINDS];

void simulation_guard_set(enum simulation_guard_mode wanted) { mode = wanted; }

uint64_t simulation_guard_count(enum simulation_guarded kind) {
    return __atomic_load_n(&counts[kind], __ATOMIC_RELAXED);
}

static void guarded(enum simulation_guarded kind, const char *function) {
    if (mode == SIMULATION_GUARD_OFF) return;
    __atomic_add_fetch(&counts[kind], 1, __ATOMIC_RELAXED);
    if (mode != SIMULATION_GUARD_ABORT) return;
    mode = SIMULATION_GUARD_OFF;
    fprintf(stderr, "simulation leak: %s was called inside a simulation\n", function);
    abort();
}

uint64_t simulation_thread_id(void) {
    static __thread uint64_t id;
    if (id == 0) id = (uint64_t)REAL(syscall)(SYS_gettid);
    return id;
}

uint64_t simulation_real_nanoseconds(void) {
    struct timespec now;
    REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Time.

INTERPOSED int clock_gettime(clockid_t clock, struct timespec *now) {
    guarded(SIMULATION_GUARDED_CLOCK, "clock_gettime");
    return REAL(clock_gettime)(clock, now);
}

INTERPOSED int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    guarded(SIMULATION_GUARDED_CLOCK, "gettimeofday");
    return REAL(gettimeofday)(now, zone);
}

INTERPOSED time_t time(time_t *now) {
    guarded(SIMULATION_GUARDED_CLOCK, "time");
    return REAL(time)(now);
}

// Entropy.

INTERPOSED ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
    guarded(SIMULATION_GUARDED_ENTROPY, "getrandom");
    return REAL(getrandom)(bytes, count, flags);
}

INTERPOSED int getentropy(void *bytes, size_t count) {
    guarded(SIMULATION_GUARDED_ENTROPY, "getentropy");
    return REAL(getentropy)(bytes, count);
}

// The Swift standard library reaches getrandom this way.
INTERPOSED long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number == SYS_getrandom) guarded(SIMULATION_GUARDED_ENTROPY, "syscall(SYS_getrandom)");
    return REAL(syscall)(number, a, b, c, d, e, f);
}

// Foundation falls back to the random devices.
INTERPOSED int open(const char *path, int flags, ...) {
    mode_t permissions = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list list;
        va_start(list, flags);
        permissions = va_arg(list, mode_t);
        va_end(list);
    }
    if (mode != SIMULATION_GUARD_OFF
        && (strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0)) {
        guarded(SIMULATION_GUARDED_ENTROPY, "open(/dev/urandom)");
    }
    return REAL(open)(path, flags, permissions);
}

// Threads and sleeps.

INTERPOSED int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    guarded(SIMULATION_GUARDED_THREAD, "pthread_create");
    return REAL(pthread_create)(thread, attributes, body, argument);
}

INTERPOSED int nanosleep(const struct timespec *wanted, struct timespec *left) {
    guarded(SIMULATION_GUARDED_SLEEP, "nanosleep");
    return REAL(nanosleep)(wanted, left);
}

INTERPOSED int clock_nanosleep(
    clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left) {
    guarded(SIMULATION_GUARDED_SLEEP, "clock_nanosleep");
    return REAL(clock_nanosleep)(clock, flags, wanted, left);
}

INTERPOSED int usleep(useconds_t wanted) {
    guarded(SIMULATION_GUARDED_SLEEP, "usleep");
    return REAL(usleep)(wanted);
}

INTERPOSED unsigned sleep(unsigned wanted) {
    guarded(SIMULATION_GUARDED_SLEEP, "sleep");
    return REAL(sleep)(wanted);
}
