import Primitives
import Testing

@Suite struct IdentityTests {
    @Test(
        "Drawn ids are version 4 UUIDs in lower case, all different",
        arguments: [0, 1, .max] as [UInt64])
    func uuids(seed: UInt64) {
        var generator = SeededGenerator(seed)
        var seen: Set<String> = []
        for _ in 0..<1_000 {
            let id = generator.uuid()
            #expect(isUUID(id))
            #expect(id == id.lowercased())
            let letters = Array(id)
            #expect(letters[14] == "4")
            #expect("89ab".contains(letters[19]))
            #expect(seen.insert(id).inserted)
        }
    }

    @Test("Ids of runs begin with the time they were drawn at, and are all different")
    func timedUUIDs() {
        var generator = SeededGenerator(1)
        var seen: Set<String> = []
        let time = Timestamp(nanoseconds: 0x0123_4567_89ab * 1_000_000 + 999_999)
        for _ in 0..<1_000 {
            let id = generator.uuid(at: time)
            #expect(isUUID(id))
            #expect(id.hasPrefix("01234567-89ab-7"))
            #expect("89ab".contains(Array(id)[19]))
            #expect(seen.insert(id).inserted)
        }
        let later = generator.uuid(at: time + .milliseconds(1))
        #expect(seen.allSatisfy { $0 < later })
        #expect(generator.uuid(at: Timestamp(nanoseconds: -1)).hasPrefix("00000000-0000-7"))
    }

    @Test("A stream depends on its seeds only, and on each of them")
    func streams() {
        func draws(_ generator: SeededGenerator) -> [UInt64] {
            var generator = generator
            return (0..<8).map { _ in generator.next() }
        }
        #expect(draws(SeededGenerator(1, 2)) == draws(SeededGenerator(1, 2)))
        let streams = [
            SeededGenerator(), SeededGenerator(1), SeededGenerator(1, 2), SeededGenerator(2, 1),
            SeededGenerator(1, 3),
        ].map(draws)
        #expect(Set(streams).count == streams.count)
    }

    @Test("Names that only look the same are two, and have an order")
    func namesAreBytes() {
        let composed = WorkflowID("caf\u{e9}"), decomposed = WorkflowID("cafe\u{301}")
        #expect(composed.rawValue == decomposed.rawValue)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect((composed < decomposed) != (decomposed < composed))
    }

    @Test("A sticky queue and a normal one of the same name are two, and have an order")
    func stickyQueues() {
        func queue(isSticky: Bool) -> TaskQueueKey {
            TaskQueueKey(namespaceID: "n", name: "q", type: .workflow, isSticky: isSticky)
        }
        #expect(queue(isSticky: false) != queue(isSticky: true))
        #expect(queue(isSticky: false) < queue(isSticky: true))
        #expect(!(queue(isSticky: true) < queue(isSticky: false)))
    }

    static let texts: [(String, Bool)] = [
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", true),
        ("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", true),
        ("", false),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c", false),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c88", false),
        ("6ba7b8109-dad-11d1-80b4-00c04fd430c8", false),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430cg", false),
        ("6ba7b810_9dad_11d1_80b4_00c04fd430c8", false),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430é", false),
    ]

    @Test("A UUID has its usual form", arguments: texts)
    func uuidForm(text: String, isValid: Bool) {
        #expect(isUUID(text) == isValid)
    }

    @Test("A workflow's shard never changes: stored data depends on it")
    func shardsAreStable() {
        func shard(_ workflowID: WorkflowID, of count: Int32) -> Int32 {
            WorkflowAddress(namespaceID: "n", workflowID: workflowID).shard(of: count).rawValue
        }
        let shards = (0..<6).map { shard(WorkflowID("workflow-\($0)"), of: 512) }
        #expect(shards == [303, 82, 73, 508, 123, 430])
        #expect(shard("any", of: 1) == 1)
        #expect(shard("any", of: 0) == 1)
    }

    @Test("Workflows are spread over all shards")
    func shardsAreSpread() {
        var counts: [Int32: Int] = [:]
        for number in 0..<8_000 {
            let address = WorkflowAddress(
                namespaceID: "n", workflowID: WorkflowID("order-\(number)"))
            counts[address.shard(of: 8).rawValue, default: 0] += 1
        }
        #expect(counts.keys.sorted() == Array(1...8))
        #expect(counts.values.allSatisfy { (800...1_200).contains($0) })
    }

    @Test("Namespace and workflow id are told apart")
    func addressParts() {
        let first = WorkflowAddress(namespaceID: "a", workflowID: "bc").shard(of: 1 << 30)
        let second = WorkflowAddress(namespaceID: "ab", workflowID: "c").shard(of: 1 << 30)
        #expect(first != second)
    }
}
