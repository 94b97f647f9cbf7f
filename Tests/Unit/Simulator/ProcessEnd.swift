import Foundation

/// Ends a child process well, before the test library wants its own executors back.
func finish() -> Never {
    fflush(nil)
    exit(0)
}
