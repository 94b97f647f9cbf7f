import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func resetActivity(
        _ request: ResetActivityRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> ResetActivityResponse {
        try self.checkActivityOperation(
            request.execution, identity: request.identity, isActivityNamed: request.activity != nil)
        let selection: ActivitySelection
        switch request.activity {
        case .id(let id): selection = .id(id)
        case .type(let type): selection = .type(type)
        case .matchAll(true): selection = .all
        case .matchAll(false), nil: throw .activityIDOrTypeNotSet
        }
        try await self.change(
            selection, of: request.execution,
            .reset(
                resetsHeartbeat: request.resetHeartbeat, keepsPaused: request.keepPaused,
                restoresOptions: request.restoreOriginalOptions,
                jitter: try self.jitter(request.jitter)), call)
        return ResetActivityResponse()
    }
}
