#include <sqlite3.h>

// Swift cannot call functions that take any number of arguments.
// Leaves the library's own memory statistics out; each costs a lock per allocation. Does nothing
// once the library is in use.
static inline int sqlite3_without_memory_statistics(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
