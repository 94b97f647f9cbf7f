import Persistence
import Primitives
import ServiceClients
import SwiftProtobuf
import TemporalAPI

/// A namespace as the frontend keeps it: its stored record, and what is looked up all the time.
package struct Namespace: Sendable, Equatable {
    package let id: NamespaceID
    package let name: String
    package let record: StoredNamespace
    package let retention: Duration
    /// Types of the namespace's own search attributes, by the names callers use.
    package let customSearchAttributes: [String: SearchAttributeType]

    /// - Throws: `dataLoss` if the row's record cannot be read.
    init(_ row: NamespaceRow) throws(ServiceError) {
        do {
            self.init(record: try StoredNamespace(serializedBytes: row.record))
        } catch {
            throw ServiceError(.dataLoss, "the record of namespace \(row.name) cannot be read")
        }
    }

    init(record: StoredNamespace) {
        self.id = NamespaceID(record.info.id)
        self.name = record.info.name
        self.record = record
        self.retention = Duration(record.config.workflowExecutionRetentionTtl)
        self.customSearchAttributes = SearchAttributeAliases.types(
            record.config.customSearchAttributeAliases)
    }

    package var state: Temporal_Api_Enums_V1_NamespaceState { self.record.info.state }

    /// What history and matching are told.
    package var reference: NamespaceReference {
        NamespaceReference(id: self.id, name: self.name, retention: self.retention)
    }

    func row() throws(ServiceError) -> NamespaceRow {
        do {
            // The record has maps: the same namespace must be the same bytes.
            var options = BinaryEncodingOptions()
            options.useDeterministicOrdering = true
            return NamespaceRow(
                id: self.id, name: self.name,
                record: try self.record.serializedBytes(options: options))
        } catch {
            throw ServiceError(.internalError, "a namespace record cannot be written")
        }
    }
}

extension Namespace {
    /// A new namespace of this cluster, in state REGISTERED.
    static func new(
        id: NamespaceID, name: String, retention: Duration, clusterName: String
    ) -> StoredNamespace {
        .with {
            $0.info.id = id.rawValue
            $0.info.name = name
            $0.info.state = .registered
            $0.config.workflowExecutionRetentionTtl = retention.proto
            $0.config.badBinaries = .init()
            $0.config.historyArchivalState = .disabled
            $0.config.visibilityArchivalState = .disabled
            $0.replication.activeClusterName = clusterName
            $0.replication.clusters = [.with { $0.clusterName = clusterName }]
            $0.replication.state = .normal
        }
    }
}
