import Frontend
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct PollTests {
    private typealias WorkflowPoll = Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueRequest
    private typealias WorkflowTask = Temporal_Api_Workflowservice_V1_PollWorkflowTaskQueueResponse
    private typealias ActivityPoll = Temporal_Api_Workflowservice_V1_PollActivityTaskQueueRequest
    private typealias ActivityTask = Temporal_Api_Workflowservice_V1_PollActivityTaskQueueResponse

    static let windows: [(timeout: Duration, window: Duration)] = [
        (.seconds(2), .seconds(1)), (.seconds(10), .seconds(9)), (.seconds(61), .seconds(60)),
        (.seconds(70), .seconds(60)), (.seconds(100_000_000_000), .seconds(60)),
    ]

    @Test("A poll is answered a second before its caller gives up", arguments: windows)
    func window(timeout: Duration, window: Duration) throws {
        let now = Timestamp(nanoseconds: 5_000_000_000)
        let deadline = try PollWindow.deadline(
            of: now + timeout, now: now, windowMax: .seconds(60))
        #expect(deadline - now == window)
    }

    private func poll(_ edit: (inout WorkflowPoll) -> Void = { _ in }) -> WorkflowPoll {
        .with {
            $0.namespace = "default"
            $0.taskQueue.name = "queue"
            edit(&$0)
        }
    }

    @Test("A poll needs a deadline of two seconds at least")
    func deadlines() async {
        let without = await FrontendWorld().refusal(
            self.poll(), returning: WorkflowTask.self, deadline: nil)
        #expect(without == .invalidArgument("Context timeout is not set."))
        let short = await FrontendWorld().refusal(
            self.poll(), returning: WorkflowTask.self, deadline: .milliseconds(1_999))
        #expect(short == ServiceError(.failedPrecondition, "Context timeout is too short."))
    }

    @Test("Matching is told what the worker said")
    func passedOn() async throws {
        let world = FrontendWorld()
        let _: WorkflowTask = try await world.call(
            self.poll {
                $0.taskQueue.kind = .sticky
                $0.taskQueue.normalName = "normal"
                $0.identity = "me"
                $0.workerInstanceKey = "key"
            }, deadline: .seconds(70))
        let poll = try #require(world.matching.polls.first)
        #expect(poll.queue.isSticky && poll.queue.name == "queue" && poll.queue.type == .workflow)
        #expect(poll.worker.identity == "me" && poll.workerInstanceKey == "key")
        #expect(poll.deadline - world.clock.now() == .seconds(60))
        #expect(poll.namespace.retention == .seconds(86_400))

        let _: ActivityTask = try await world.call(
            ActivityPoll.with {
                $0.namespace = "default"
                $0.taskQueue.name = "queue"
                $0.taskQueueMetadata.maxTasksPerSecond.value = 2.5
            })
        #expect(world.matching.polls.last?.tasksPerSecondMax == 2.5)
        #expect(world.matching.polls.last?.queue.type == .activity)
    }

    @Test("A worker that has gone gets an empty answer, not an error")
    func cancelled() async throws {
        let world = FrontendWorld()
        world.matching.refuse(ServiceError(.cancelled, "gone"))
        let task: WorkflowTask = try await world.call(self.poll())
        #expect(task == WorkflowTask())
    }

    @Test("Wrong polls are refused")
    func refusals() async {
        let long = String(repeating: "n", count: 1_001)
        let cases: [(WorkflowPoll, ServiceError)] = [
            (self.poll { $0.taskQueue.name = "" }, .invalidArgument("taskQueue is not set")),
            (
                self.poll { $0.taskQueue.name = long },
                .invalidArgument("taskQueue length exceeds limit")
            ),
            (self.poll { $0.identity = long }, .invalidArgument("Identity length exceeds limit.")),
            (
                self.poll { $0.taskQueue.kind = .UNRECOGNIZED(9) },
                .invalidArgument("task queue kind is not supported for this poll")
            ),
            (
                self.poll { $0.workerVersionCapabilities.useVersioning = true },
                ServiceError(
                    .permissionDenied(reason: ""),
                    "Worker versioning in workflow progress APIs is disabled on this namespace.")
            ),
            (
                self.poll { $0.deploymentOptions.workerVersioningMode = .versioned },
                ServiceError(
                    .permissionDenied(reason: ""),
                    "Worker Deployment Versions are disabled on this namespace.")
            ),
        ]
        for (request, expected) in cases {
            #expect(
                await FrontendWorld().refusal(request, returning: WorkflowTask.self) == expected)
        }
        let rate = await FrontendWorld().refusal(
            ActivityPoll.with {
                $0.namespace = "default"
                $0.taskQueue.name = "queue"
                $0.taskQueueMetadata.maxTasksPerSecond.value = .nan
            }, returning: ActivityTask.self)
        #expect(rate?.kind == .invalidArgument)
    }

    @Test("A worker's own queue goes away with it")
    func shutdown() async throws {
        let world = FrontendWorld()
        let _: Temporal_Api_Workflowservice_V1_ShutdownWorkerResponse = try await world.call(
            Temporal_Api_Workflowservice_V1_ShutdownWorkerRequest.with {
                $0.namespace = "default"
                $0.stickyTaskQueue = "sticky"
            })
        #expect(world.matching.unloaded.map(\.name) == ["sticky"])
        #expect(world.matching.unloaded.map(\.isSticky) == [true])
    }

    @Test("A task queue is described as matching knows it")
    func describe() async throws {
        let described: Temporal_Api_Workflowservice_V1_DescribeTaskQueueResponse =
            try await FrontendWorld().call(
                Temporal_Api_Workflowservice_V1_DescribeTaskQueueRequest.with {
                    $0.namespace = "default"
                    $0.taskQueue.name = "queue"
                    $0.includeTaskQueueStatus = true
                })
        #expect(described.pollers.map(\.identity) == ["worker"])
        #expect(described.pollers.first?.lastAccessTime.seconds == 5)
        #expect(described.taskQueueStatus.backlogCountHint == 3)
        #expect(!described.hasStats)
    }
}
