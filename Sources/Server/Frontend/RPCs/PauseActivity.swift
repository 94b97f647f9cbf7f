import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func pauseActivity(
        _ request: PauseActivityRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> PauseActivityResponse {
        try self.checkActivityOperation(
            request.execution, identity: request.identity, isActivityNamed: request.activity != nil)
        try self.checkReason(request.reason)
        try self.checkRequestID(request.requestID)
        let selection: ActivitySelection
        switch request.activity {
        case .id(let id): selection = .id(id)
        case .type(let type): selection = .type(type)
        case nil: throw .activityIDOrTypeNotSet
        }
        try await self.change(
            selection, of: request.execution,
            .pause(
                identity: request.identity, reason: request.reason, requestID: request.requestID),
            call)
        return PauseActivityResponse()
    }
}
