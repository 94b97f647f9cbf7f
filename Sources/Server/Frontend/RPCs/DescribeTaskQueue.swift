import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func describeTaskQueue(
        _ request: DescribeTaskQueueRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> DescribeTaskQueueResponse {
        try self.checkTaskQueueName(request.taskQueue.name)
        guard request.apiMode != .enhanced else {
            throw .notBuilt("the enhanced mode of DescribeTaskQueue is")
        }
        let type: TaskQueueType
        switch request.taskQueueType {
        case .unspecified, .workflow: type = .workflow
        case .activity: type = .activity
        case .nexus: throw .notBuilt("nexus task queues are")
        case .UNRECOGNIZED(let number): throw .invalidArgument("unknown TaskQueueType \(number)")
        }
        let description = try await self.matching.describeTaskQueue(
            TaskQueueKey(
                namespaceID: call.namespace.id, name: request.taskQueue.name, type: type,
                isSticky: request.taskQueue.kind == .sticky))
        return Self.response(to: request, description)
    }

    private static func response(
        to request: DescribeTaskQueueRequest, _ description: TaskQueueDescription
    ) -> DescribeTaskQueueResponse {
        .with {
            $0.pollers = description.pollers.map { poller in
                .with {
                    $0.identity = poller.identity
                    $0.lastAccessTime = poller.lastAccessAt.proto
                    $0.ratePerSecond = poller.tasksPerSecondMax
                }
            }
            if request.reportStats {
                $0.stats.approximateBacklogCount = description.backlogCount
            }
            guard request.includeTaskQueueStatus else { return }
            $0.taskQueueStatus = .with {
                $0.backlogCountHint = description.backlogCount
                $0.readLevel = description.readLevel
                $0.ackLevel = description.ackLevel
            }
        }
    }
}
