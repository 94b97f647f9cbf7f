import Persistence
import Primitives
import Testing

@Suite struct TaskQueueStoreContractTests {
    private let queue = TaskQueueKey(
        namespaceID: "n1", name: "q", type: .activity, isSticky: false)

    private func rows(_ ids: Int64...) -> [BacklogRow] {
        ids.map { BacklogRow(id: $0, task: Array("task \($0)".utf8)) }
    }

    @Test(
        "A backlog is read by id, and forgotten up to the ack level", arguments: StoreKind.allCases)
    func backlogLife(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let lease = try await stores.acquireTaskQueue(self.queue, owner: "a")
        #expect(lease == TaskQueueLease(range: RangeID(1), ackLevel: 0, hasBacklog: false))
        try await stores.appendBacklog(self.rows(1, 2), to: self.queue, range: lease.range)
        try await stores.appendBacklog(self.rows(5, 9), to: self.queue, range: lease.range)
        let page = try await stores.readBacklog(self.queue, after: 1, countMax: 2)
        #expect(page == self.rows(2, 5))
        try await stores.completeBacklog(self.queue, through: 5, range: lease.range)
        #expect(
            try await stores.readBacklog(self.queue, after: .min, countMax: 9) == self.rows(9))
        // A level below the one reached changes nothing.
        try await stores.completeBacklog(self.queue, through: 3, range: lease.range)
        let next = try await stores.acquireTaskQueue(self.queue, owner: "b")
        #expect(next == TaskQueueLease(range: RangeID(2), ackLevel: 5, hasBacklog: true))
        try await stores.completeBacklog(self.queue, through: 9, range: next.range)
        let last = try await stores.acquireTaskQueue(self.queue, owner: "b")
        #expect(last == TaskQueueLease(range: RangeID(3), ackLevel: 9, hasBacklog: false))
    }

    @Test("Only the newest owner of a queue writes", arguments: StoreKind.allCases)
    func staleOwnerIsFenced(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        await #expect(throws: StoreError.ownershipLost) {
            try await stores.appendBacklog(self.rows(1), to: self.queue, range: RangeID(1))
        }
        let old = try await stores.acquireTaskQueue(self.queue, owner: "a")
        try await stores.appendBacklog(self.rows(1), to: self.queue, range: old.range)
        _ = try await stores.acquireTaskQueue(self.queue, owner: "b")
        await #expect(throws: StoreError.ownershipLost) {
            try await stores.appendBacklog(self.rows(2), to: self.queue, range: old.range)
        }
        await #expect(throws: StoreError.ownershipLost) {
            try await stores.completeBacklog(self.queue, through: 1, range: old.range)
        }
        #expect(
            try await stores.readBacklog(self.queue, after: 0, countMax: 9) == self.rows(1))
    }

    @Test(
        "Rows that are not behind all earlier ones are refused whole", arguments: StoreKind.allCases
    )
    func idsOnlyRise(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let range = try await stores.acquireTaskQueue(self.queue, owner: "a").range
        try await stores.appendBacklog(self.rows(4), to: self.queue, range: range)
        try await stores.completeBacklog(self.queue, through: 6, range: range)
        for (ids, refused) in [([8, 7], 7), ([6, 9], 6), ([7, 8, 8], 8)] as [([Int64], Int64)] {
            let rows = ids.map { BacklogRow(id: $0, task: []) }
            await #expect(throws: StoreError.backlogOutOfOrder(self.queue, id: refused)) {
                try await stores.appendBacklog(rows, to: self.queue, range: range)
            }
        }
        #expect(try await stores.readBacklog(self.queue, after: 0, countMax: 9).isEmpty)
        try await stores.appendBacklog(self.rows(7, 8), to: self.queue, range: range)
    }

    @Test("Queues that differ in any part of their key are apart", arguments: StoreKind.allCases)
    func queuesAreApart(_ kind: StoreKind) async throws {
        let opened = try await kind.open(), stores = opened.stores
        let others = [
            TaskQueueKey(namespaceID: "n2", name: "q", type: .activity, isSticky: false),
            TaskQueueKey(namespaceID: "n1", name: "p", type: .activity, isSticky: false),
            TaskQueueKey(namespaceID: "n1", name: "q", type: .workflow, isSticky: false),
            TaskQueueKey(namespaceID: "n1", name: "q", type: .activity, isSticky: true),
        ]
        for queue in [self.queue] + others {
            let lease = try await stores.acquireTaskQueue(queue, owner: "a")
            #expect(lease.range == RangeID(1) && !lease.hasBacklog)
            try await stores.appendBacklog(self.rows(1), to: queue, range: lease.range)
        }
        try await stores.completeBacklog(self.queue, through: 1, range: RangeID(1))
        for queue in others {
            #expect(try await stores.readBacklog(queue, after: 0, countMax: 9) == self.rows(1))
        }
    }
}
