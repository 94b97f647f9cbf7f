import FoundationEssentials
import HistoryCore
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

/// What a receiver of a completion gets, to the byte.
@Suite struct CompletionRequestTests {
    /// Closes a run with one command and returns what its callback was sent.
    private func delivery(
        _ commands: Command..., header: [String: String] = [:], requestID: String = "start"
    ) throws -> CallbackDelivery {
        let shard = ShardHarness()
        try shard.start {
            $0.requestID = requestID
            $0.completionCallbacks = [
                .with {
                    $0.nexus.url = "https://receiver:8443/path?token=secret"
                    $0.nexus.header = header
                }
            ]
        }
        shard.wait(.milliseconds(1_500))
        let task = try shard.takeWorkflowTask()
        try shard.call(shard.completion(of: task, commands))
        return try #require(shard.deliveries.first?.delivery)
    }

    private static func result(
        _ data: String, _ metadata: [String: String]
    ) -> Temporal_Api_Common_V1_Payload {
        .with {
            $0.data = Data(data.utf8)
            $0.metadata = metadata.mapValues { Data($0.utf8) }
        }
    }

    static let payloads: [(Temporal_Api_Common_V1_Payload?, type: String?)] = [
        (nil, nil),
        (result("", ["encoding": "binary/null"]), nil),
        (result("{}", ["encoding": "json/plain"]), "application/json"),
        (result("[]", ["encoding": "json/plain", "more": "x"]), "application/json"),
        (result("raw", ["encoding": "binary/plain"]), "application/octet-stream"),
        (
            result("{}", ["encoding": "json/protobuf", "messageType": "a.B"]),
            "application/json; format=protobuf; message-type=\"a.B\""
        ),
        (
            result("x", ["encoding": "binary/protobuf", "messageType": "a.B"]),
            "application/x-protobuf; message-type=\"a.B\""
        ),
        (result("x", ["encoding": "unknown/nexus-content", "type": "text/plain"]), "text/plain"),
    ]

    @Test("A result travels as what it is", arguments: Self.payloads)
    func result(_ payload: Temporal_Api_Common_V1_Payload?, type: String?) throws {
        let delivery = try self.delivery(
            .with {
                $0.commandType = .completeWorkflowExecution
                $0.completeWorkflowExecutionCommandAttributes = .with {
                    if let payload { $0.result.payloads = [payload] }
                }
            })
        #expect(delivery.header("nexus-operation-state") == "succeeded")
        #expect(delivery.body == payload.map { [UInt8]($0.data) } ?? [])
        #expect(delivery.header("content-type") == type ?? "")
        #expect(delivery.headers.contains { $0.name == "content-type" } == (type != nil))
    }

    static let opaque: [Temporal_Api_Common_V1_Payload] = [
        result("x", ["encoding": "binary/encrypted", "key": "1"]),
        result("x", ["encoding": "binary/plain", "more": "x"]),
        result("x", ["encoding": "json/protobuf"]),
        result("x", [:]),
    ]

    @Test("A result HTTP has no name for travels as the message", arguments: Self.opaque)
    func opaqueResult(_ payload: Temporal_Api_Common_V1_Payload) throws {
        let delivery = try self.delivery(
            .with {
                $0.commandType = .completeWorkflowExecution
                $0.completeWorkflowExecutionCommandAttributes.result.payloads = [payload]
            })
        #expect(delivery.header("content-type") == "application/x-temporal-payload")
        #expect(try Temporal_Api_Common_V1_Payload(serializedBytes: delivery.body) == payload)
    }

    @Test("A failure travels as JSON, with its causes")
    func failure() throws {
        let cause = Failure.with {
            $0.message = "deep"
            $0.applicationFailureInfo.type = "Cause"
        }
        let failure = Failure.with {
            $0.message = "bo\"om\n\u{1}"
            $0.stackTrace = "line 1"
            $0.source = "SDK"
            $0.applicationFailureInfo = .with { $0.type = "Broken" }
            $0.cause = cause
        }
        let delivery = try self.delivery(.fail(failure))
        #expect(delivery.header("nexus-operation-state") == "failed")
        #expect(delivery.header("content-type") == "application/json")
        let json = try Google_Protobuf_Struct(jsonString: delivery.text)
        #expect(json.fields["message"]?.stringValue == failure.message)
        #expect(json.fields["stackTrace"]?.stringValue == "line 1")
        #expect(
            json.fields["metadata"]?.structValue.fields["type"]?.stringValue
                == "temporal.api.failure.v1.Failure")
        var expected = failure
        expected.message = ""
        expected.stackTrace = ""
        let details = try #require(json.fields["details"]).jsonString()
        #expect(try Failure(jsonString: details) == expected)
        let inner = try #require(json.fields["cause"]?.structValue)
        #expect(inner.fields["message"]?.stringValue == "deep")
        #expect(inner.fields["cause"] == nil)
    }

    static let synthetic: [(Command, state: String, body: String)] = [
        (
            .cancelRun, "canceled",
            #"{"message":"operation canceled","metadata":{"type":"temporal.api.failure.v1.Failure"},"details":{"canceledFailureInfo":{"details":{"payloads":[{"data":"c29ycnk="}]}}}}"#
        )
    ]

    @Test("A cancellation is a failure with a name", arguments: Self.synthetic)
    func canceled(_ command: Command, state: String, body: String) throws {
        let shard = ShardHarness()
        try shard.start { $0.completionCallbacks = [.with { $0.nexus.url = "http://r" }] }
        try shard.requestCancel()
        try shard.work(command)
        let delivery = try #require(shard.deliveries.first?.delivery)
        #expect(delivery.header("nexus-operation-state") == state)
        #expect(delivery.text == body)
    }

    @Test("A request says when it began and ended and where to look")
    func headers() throws {
        let delivery = try self.delivery(
            .complete(), header: ["nexus-operation-token": "token", "x-own": "own"],
            requestID: "r/1")
        #expect(delivery.url == "https://receiver:8443/path?token=secret")
        #expect(delivery.timeout == .seconds(10))
        #expect(delivery.header("nexus-operation-token") == "token")
        #expect(delivery.header("x-own") == "own")
        #expect(delivery.header("user-agent") == "temporal-server")
        #expect(
            delivery.header("nexus-operation-start-time") == "Thu, 01 Jan 1970 00:16:40 GMT")
        #expect(delivery.header("nexus-operation-close-time") == "1970-01-01T00:16:41.500Z")
        let link = delivery.header("nexus-link")
        #expect(link.hasPrefix("<temporal:///namespaces/test/workflows/w/"))
        #expect(
            link.hasSuffix(
                "/history?eventID=1&eventType=WorkflowExecutionStarted&referenceType=EventReference>; "
                    + "type=\"temporal.api.common.v1.Link.WorkflowEvent\""))
        #expect("\(delivery)" == "a callback delivery of 6 bytes")
    }

    @Test("A callback's own headers count, but for what frames the request or names the body")
    func ownHeaders() throws {
        let own = [
            "nexus-operation-start-time": "then", "nexus-operation-close-time": "now",
            "nexus-link": "link", "user-agent": "me",
        ]
        let taken = [
            "host": "h", "content-type": "text/plain", "content-length": "1",
            "transfer-encoding": "chunked", "connection": "close",
            "nexus-operation-state": "failed",
        ]
        let delivery = try self.delivery(.complete(), header: own.merging(taken) { $1 })
        for (name, value) in own { #expect(delivery.header(name) == value) }
        for (name, value) in taken { #expect(delivery.header(name) != value) }
    }
}
