import FoundationEssentials
import Frontend
import Primitives
import SwiftProtobuf
import TemporalAPI

/// Every RPC that somebody might call, and how its request says what it is about.
package struct RPCCatalog: Sendable {
    package struct Entry: Sendable {
        package let rpc: RPCName
        /// Where its request has a namespace's name; nil if it has none.
        let nameField: Int?
        /// Where its request has a namespace's id.
        let idField: Int?
        /// Where its request has the token of a task.
        let tokenField: Int?
    }

    package let entries: [Entry]

    /// RPCs of services that are spoken without being served here, and one that nobody knows.
    private static let others = [
        RPCName(
            service: "temporal.server.api.adminservice.v1.AdminService", method: "DescribeCluster"),
        RPCName(
            service: "temporal.api.workflowservice.v1.WorkflowService",
            method: AccessNeed.unknownMethod),
        RPCName(service: "temporal.api.cloud.v1.CloudService", method: "GetUsers"),
    ]

    package init() {
        guard let descriptors = try? EmbeddedDescriptors() else {
            preconditionFailure("the API's descriptors cannot be read")
        }
        var messages: [String: Google_Protobuf_DescriptorProto] = [:]
        for file in descriptors.files {
            for message in file.messageType {
                messages[".\(file.package).\(message.name)"] = message
            }
        }
        var entries: [Entry] = []
        for file in descriptors.files {
            for service in file.service {
                let name = "\(file.package).\(service.name)"
                entries += service.method.map { Entry(of: $0, name, messages[$0.inputType]) }
            }
        }
        self.entries = entries + Self.others.map(Entry.init)
    }

    package func entry(_ method: String) -> Entry? {
        self.entries.first { $0.rpc.method == method }
    }
}

extension RPCCatalog.Entry {
    fileprivate init(
        of method: Google_Protobuf_MethodDescriptorProto, _ service: String,
        _ message: Google_Protobuf_DescriptorProto?
    ) {
        func field(_ name: String) -> Int? {
            (message?.field.first { $0.name == name }?.number).map { Int($0) }
        }
        self.rpc = RPCName(service: service, method: method.name)
        self.nameField = field("namespace")
        self.idField = method.name == "DescribeNamespace" ? field("id") : nil
        // Where there are no such tasks, nobody looks at their tokens.
        self.tokenField = FrontendRPCs.table.contains(self.rpc) ? field("task_token") : nil
    }

    fileprivate init(_ rpc: RPCName) {
        self.rpc = rpc
        self.nameField = nil
        self.idField = nil
        self.tokenField = nil
    }

    /// A request that names a namespace, and is too poor to do anything there.
    func request(naming namespace: String) -> [UInt8] {
        guard let field = self.nameField, !namespace.isEmpty else { return [] }
        return Self.bytes(field, Array(namespace.utf8))
    }

    /// A request that says by an id what it is about; nil if there is no way to.
    func request(namingID id: String) -> [UInt8]? {
        if let field = self.idField { return Self.bytes(field, Array(id.utf8)) }
        guard let field = self.tokenField else { return nil }
        return Self.bytes(field, self.token(of: id))
    }

    /// The token of a task that there never was.
    private func token(of namespaceID: String) -> [UInt8] {
        let runID = "00000000-0000-4000-8000-000000000000"
        let bytes: [UInt8]?
        if self.rpc.method == "RespondQueryTaskCompleted" {
            bytes = try? StoredQueryToken.with {
                $0.namespaceID = namespaceID
                $0.taskQueue = "nobody"
                $0.taskID = "none"
            }.serializedBytes()
        } else {
            bytes = try? StoredTaskToken.with {
                $0.namespaceID = namespaceID
                $0.workflowID = "nobody"
                $0.runID = runID
                $0.scheduledEventID = 1
            }.serializedBytes()
        }
        return bytes ?? []
    }

    /// A field of a length in its wire form.
    private static func bytes(_ field: Int, _ content: [UInt8]) -> [UInt8] {
        self.varint(field << 3 | 2) + self.varint(content.count) + content
    }

    private static func varint(_ number: Int) -> [UInt8] {
        var number = number, bytes: [UInt8] = []
        while number >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: number) | 0x80)
            number >>= 7
        }
        return bytes + [UInt8(number)]
    }
}
