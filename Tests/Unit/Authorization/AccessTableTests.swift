import Authorization
import Primitives
import SwiftProtobuf
import TemporalAPI
import Testing

@Suite struct AccessTableTests {
    @Test("Every RPC of the served APIs is in the table, and no other")
    func tableIsWhole() throws {
        let served = try Set(
            EmbeddedDescriptors().rpcs.map { RPCName(service: $0.service, method: $0.method) })
        let listed = Set(AccessTable.requirements.keys)
        #expect(served.count > 130)
        #expect(served.subtracting(listed) == [], "these have no requirement")
        #expect(listed.subtracting(served) == [], "these are not served")
    }

    @Test("An RPC is about a namespace exactly if its request can name one")
    func scopeIsTheRequests() throws {
        let files = try EmbeddedDescriptors().files
        let naming = Set(
            files.flatMap { file in
                file.messageType.filter { $0.field.contains { $0.name == "namespace" } }
                    .map { ".\(file.package).\($0.name)" }
            })
        for file in files {
            for service in file.service {
                for method in service.method {
                    let rpc = RPCName(
                        service: "\(file.package).\(service.name)", method: method.name)
                    let isAboutNamespace =
                        if case .access(_, to: .namespace) = AccessTable.requirement(of: rpc) {
                            true
                        } else {
                            false
                        }
                    #expect(naming.contains(method.inputType) == isAboutNamespace, "\(rpc)")
                }
            }
        }
    }

    @Test("What nobody knows is denied to everybody, and the admin service is for operators")
    func unknownIsDenied() {
        let unknown = RPCName(service: workflowService, method: "Nonsense")
        #expect(AccessTable.requirement(of: unknown) == nil)
        #expect(!AccessPolicy.strict.allows(Claims(system: .admin), to: unknown, in: "alpha"))
        let admin = RPCName(
            service: "temporal.server.api.adminservice.v1.AdminService", method: "Anything")
        #expect(AccessTable.requirement(of: admin) == .access(.admin, to: .cluster))
        let owner = Claims(namespaces: ["alpha": .admin])
        #expect(!AccessPolicy.strict.allows(owner, to: admin, in: "alpha"))
        #expect(!AccessPolicy.charmed.allows(owner, to: admin, in: "alpha"))
    }
}

let workflowService = "temporal.api.workflowservice.v1.WorkflowService"
