import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

extension FrontendService {
    func updateActivityOptions(
        _ request: UpdateActivityOptionsRequest, _ call: NamespaceCall
    ) async throws(ServiceError) -> UpdateActivityOptionsResponse {
        try self.checkActivityOperation(
            request.execution, identity: request.identity, isActivityNamed: request.activity != nil)
        let selection: ActivitySelection
        switch request.activity {
        case .id(let id): selection = .id(id)
        case .type(let type): selection = .type(type)
        case .matchAll(true): selection = .all
        case .matchAll(false), nil: throw .activityIDOrTypeNotSet
        }
        let update = ActivityOptionsUpdate(
            options: request.hasActivityOptions ? request.activityOptions : nil,
            mask: request.hasUpdateMask ? request.updateMask : nil,
            restoresOriginal: request.restoreOriginal)
        let options = try await self.change(
            selection, of: request.execution, try update.change(self), call)
        return .with { $0.activityOptions = options }
    }
}
