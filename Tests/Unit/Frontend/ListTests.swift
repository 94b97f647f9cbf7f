import FoundationEssentials
import Frontend
import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct ListTests {
    private typealias CountRequest =
        Temporal_Api_Workflowservice_V1_CountWorkflowExecutionsRequest
    private typealias CountResponse =
        Temporal_Api_Workflowservice_V1_CountWorkflowExecutionsResponse

    private static func record(_ index: Int, closeAt: Timestamp? = nil) throws -> VisibilityRecord {
        let memo = Temporal_Api_Common_V1_Memo.with { $0.fields["m"] = .json("1") }
        let attributes = Temporal_Api_Common_V1_SearchAttributes.with {
            $0.indexedFields["Color"] = .json("\"red\"", type: "Keyword")
        }
        return VisibilityRecord(
            key: WorkflowKey(
                namespaceID: NamespaceID(FrontendWorld.namespaceID),
                workflowID: WorkflowID("w\(index)"),
                runID: RunID("0000000\(index)-0000-4000-8000-000000000000")),
            workflowType: "Greet", taskQueue: "queue", status: closeAt == nil ? 1 : 2,
            startAt: Timestamp(nanoseconds: 10), executionAt: Timestamp(nanoseconds: 20),
            closeAt: closeAt, historyLength: 5, historySizeBytes: 6, stateTransitionCount: 7,
            parentWorkflowID: "p", parentRunID: "pr", rootWorkflowID: "r", rootRunID: "rr",
            searchAttributes: [:], memo: try memo.serializedBytes(),
            searchAttributePayloads: try attributes.serializedBytes())
    }

    private func request(_ edit: (inout ListRequest) -> Void = { _ in }) -> ListRequest {
        .with {
            $0.namespace = "default"
            edit(&$0)
        }
    }

    @Test("A page token leads to the place behind the last row shown")
    func pages() async throws {
        let world = FrontendWorld()
        let closeAt = Timestamp(nanoseconds: 70)
        world.visibility.answer([
            try Self.record(1), try Self.record(2, closeAt: closeAt), try Self.record(3),
        ])
        let first: ListResponse = try await world.call(self.request { $0.pageSize = 2 })
        #expect(first.executions.map(\.execution.workflowID) == ["w1", "w2"])
        let _: ListResponse = try await world.call(
            self.request {
                $0.pageSize = 2
                $0.nextPageToken = first.nextPageToken
            })
        #expect(
            world.visibility.queries.last?.after
                == VisibilityQuery.Position(
                    closeAt: closeAt, startAt: Timestamp(nanoseconds: 10),
                    runID: "00000002-0000-4000-8000-000000000000"))
        let last: ListResponse = try await world.call(self.request { $0.pageSize = 3 })
        #expect(last.nextPageToken.isEmpty && last.executions.count == 3)
    }

    @Test("Page sizes are bounded, and nothing asked for is the largest page")
    func pageSizes() async throws {
        for (asked, used) in [(0, 1_001), (-5, 1_001), (5_000, 1_001), (10, 11)] {
            let world = FrontendWorld()
            let _: ListResponse = try await world.call(
                self.request { $0.pageSize = Int32(asked) })
            #expect(world.visibility.queries.first?.countMax == used)
        }
    }

    @Test("A row shows everything it has")
    func row() async throws {
        let world = FrontendWorld()
        world.visibility.answer([try Self.record(1, closeAt: Timestamp(nanoseconds: 1_000_000_020))]
        )
        let page: ListResponse = try await world.call(self.request())
        let info = try #require(page.executions.first)
        #expect(info.type.name == "Greet" && info.taskQueue == "queue" && info.status == .completed)
        #expect(info.executionDuration.seconds == 1 && info.closeTime.nanos == 20)
        #expect(info.parentExecution.workflowID == "p" && info.rootExecution.runID == "rr")
        #expect(info.memo.fields["m"] == .json("1"))
        #expect(info.searchAttributes.indexedFields["Color"] == .json("\"red\"", type: "Keyword"))
    }

    @Test("Tokens the server did not write are invalid arguments", arguments: 0..<100)
    func wrongTokens(_ seed: UInt64) async {
        var random = SeededGenerator(seed)
        let bytes = Data(
            (0..<Int.random(in: 1..<40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            })
        let error = await FrontendWorld().refusal(
            self.request { $0.nextPageToken = bytes }, returning: ListResponse.self)
        #expect(error == .invalidArgument("Invalid NextPageToken."))
    }

    @Test("A list is filtered by the namespace's own attributes")
    func filtered() async throws {
        let world = FrontendWorld()
        let _: ListResponse = try await world.call(self.request { $0.query = "Color = 'red'" })
        #expect(
            world.visibility.queries.first?.filter
                == .and(
                    .isNull(.namespaceDivision),
                    .compare(
                        .searchAttribute(name: "Color", type: .keyword), .equal, .keyword("red"))))
        let grouped = await world.refusal(
            self.request { $0.query = "GROUP BY ExecutionStatus" }, returning: ListResponse.self)
        #expect(grouped?.kind == .invalidArgument)
    }

    @Test("A grouped count names the statuses")
    func count() async throws {
        let world = FrontendWorld()
        world.visibility.answer(
            VisibilityCount(
                total: 3,
                groups: [.init(value: .int(1), count: 2), .init(value: .int(5), count: 1)]))
        let response: CountResponse = try await world.call(
            CountRequest.with {
                $0.namespace = "default"
                $0.query = "GROUP BY ExecutionStatus"
            })
        #expect(response.count == 3)
        #expect(response.groups.map(\.count) == [2, 1])
        #expect(
            response.groups.map(\.groupValues) == [
                [.json("\"Running\"", type: "Keyword")],
                [.json("\"Terminated\"", type: "Keyword")],
            ])
        #expect(world.visibility.queries.first?.groupBy == .status)
    }
}
