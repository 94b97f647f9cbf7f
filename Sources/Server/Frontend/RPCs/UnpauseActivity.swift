import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func unpauseActivity(
        _ request: UnpauseActivityRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UnpauseActivityResponse {
        try self.checkActivityOperation(
            request.execution, identity: request.identity, isActivityNamed: request.activity != nil)
        let selection: ActivitySelection
        switch request.activity {
        case .id(let id): selection = .id(id)
        case .type(let type): selection = .type(type)
        case .unpauseAll(true): selection = .all
        case .unpauseAll(false), nil: throw .activityIDOrTypeNotSet
        }
        try await self.change(
            selection, of: request.execution,
            .unpause(
                resetsAttempts: request.resetAttempts, resetsHeartbeat: request.resetHeartbeat,
                jitter: try self.jitter(request.jitter)), call)
        return UnpauseActivityResponse()
    }
}
