import MatchingCore
import Primitives
import Testing

@Suite struct BacklogTests {
    private func entry(_ id: Int64, priority: Int32 = 3) -> Backlog.Entry {
        Backlog.Entry(
            id: id, task: MatchingTask(dispatch(id, priority: priority), createdAt: seconds(0)))
    }

    private func backlog(windowMax: Int = 4, hasUnread: Bool = false) -> Backlog {
        var backlog = Backlog(windowMax: windowMax)
        _ = backlog.reset(to: 0, hasUnread: hasUnread)
        return backlog
    }

    private func drain(_ backlog: inout Backlog) -> [Int64] {
        var ids: [Int64] = []
        while let next = backlog.popFirst() { ids.append(next.id) }
        return ids
    }

    @Test("Tasks leave by priority, and by id within one")
    func priorities() {
        var backlog = self.backlog()
        for (id, priority) in [(1, 3), (2, 5), (3, 1), (4, 3)] as [(Int64, Int32)] {
            backlog.insert(self.entry(id, priority: priority))
        }
        #expect(self.drain(&backlog) == [3, 1, 4, 2])
    }

    @Test("What was written enters memory at once while the window has room")
    func appendedEnters() {
        var backlog = self.backlog(windowMax: 2)
        for entry in backlog.appended([self.entry(1), self.entry(2)]) { backlog.insert(entry) }
        #expect(backlog.readState == .complete)
        #expect(backlog.appended([self.entry(3)]).isEmpty)
        #expect(backlog.readState == .unread)
        #expect(backlog.count == 3)
        #expect(self.drain(&backlog) == [1, 2])
        // Nothing overtakes what is still unread.
        #expect(backlog.appended([self.entry(4)]).isEmpty)
        #expect(backlog.readLevel == 2)
    }

    @Test("Rows that a concurrent read saw do not enter twice")
    func readOvertakesAppend() {
        var backlog = self.backlog(hasUnread: true)
        backlog.startReading()
        backlog.read(ids: [1, 2], isLast: true)
        #expect(backlog.appended([self.entry(2), self.entry(3)]).map(\.id) == [3])
    }

    @Test("Rows written while a read ran are read next")
    func appendOvertakesRead() {
        var backlog = self.backlog(hasUnread: true)
        backlog.startReading()
        #expect(backlog.appended([self.entry(3)]).isEmpty)
        backlog.read(ids: [1, 2], isLast: true)
        #expect(backlog.readState == .unread)
        backlog.startReading()
        backlog.read(ids: [3], isLast: true)
        #expect(backlog.readState == .complete)
    }

    @Test("Dropping memory returns what was in it and starts from the store's level")
    func reset() {
        var backlog = self.backlog()
        for entry in backlog.appended([self.entry(1), self.entry(2), self.entry(3)]) {
            backlog.insert(entry)
        }
        if let first = backlog.popFirst() { backlog.delay(first) }
        let generation = backlog.generation
        #expect(backlog.reset(to: 1, hasUnread: true) == [1, 2, 3])
        #expect(backlog.ackLevel == 1)
        #expect(backlog.windowCount == 0)
        #expect(backlog.generation == generation + 1)
        #expect(!backlog.isEmpty)
    }
}
