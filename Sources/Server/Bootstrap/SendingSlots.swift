import Synchronization

/// A number of places that callers take one of, waiting in line while there is none.
final class SendingSlots: Sendable {
    private struct Line {
        var freeCount: Int
        var isClosed = false
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private let line: Mutex<Line>

    init(count: Int) { self.line = Mutex(Line(freeCount: count)) }

    /// Takes a place, to be given back; false once there are no more places to come.
    func take() async -> Bool {
        await withCheckedContinuation { continuation in
            let answer: Bool? = self.line.withLock { line in
                if line.isClosed { return false }
                guard line.freeCount > 0 else {
                    line.waiting.append(continuation)
                    return nil
                }
                line.freeCount -= 1
                return true
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    func giveBack() {
        let next: CheckedContinuation<Bool, Never>? = self.line.withLock { line in
            guard !line.waiting.isEmpty else {
                line.freeCount += 1
                return nil
            }
            return line.waiting.removeFirst()
        }
        next?.resume(returning: true)
    }

    /// Sends everybody who waits away, and everybody who comes.
    func close() {
        let waiting = self.line.withLock { line in
            line.isClosed = true
            defer { line.waiting = [] }
            return line.waiting
        }
        for continuation in waiting { continuation.resume(returning: false) }
    }
}
