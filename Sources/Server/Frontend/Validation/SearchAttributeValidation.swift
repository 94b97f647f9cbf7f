import DynamicConfig
import FoundationEssentials
import Persistence
import Primitives
import ServiceClients
import TemporalAPI

/// Checks the search attributes a caller or a worker sets.
struct SearchAttributeValidation: Sendable {
    let namespace: String
    let custom: [String: SearchAttributeType]
    let keysMax: Int
    let valueSizeMax: Int
    let totalSizeMax: Int

    init(_ namespace: Namespace, _ settings: Settings) {
        self.namespace = namespace.name
        self.custom = namespace.customSearchAttributes
        self.keysMax = settings.searchAttributeKeysMax
        self.valueSizeMax = settings.searchAttributeValueSizeMax
        self.totalSizeMax = settings.searchAttributesTotalSizeMax
    }

    /// `attributes` with their registered types in the payloads' metadata, so that whoever reads
    /// them later needs no registry.
    /// - Throws: `invalidArgument` for names not registered, values of other types, and sizes.
    func checked(_ attributes: SearchAttributes) throws(ServiceError) -> SearchAttributes {
        if let flaw = self.sizeFlaw(of: attributes) { throw .invalidArgument(flaw) }
        return try self.typed(attributes)
    }

    /// `attributes` with their registered types, whatever their sizes.
    /// - Throws: `invalidArgument` for names not registered and values of other types.
    func typed(_ attributes: SearchAttributes) throws(ServiceError) -> SearchAttributes {
        var result = attributes
        for (name, payload) in attributes.indexedFields.sorted(by: { $0.key < $1.key }) {
            let type = try self.type(of: name)
            do throws(SearchAttributeRefusal) {
                _ = try SearchAttributeValue(payload, type: type)
            } catch {
                throw .invalidArgument(
                    "invalid value for search attribute \(name) of type \(type.name)")
            }
            result.indexedFields[name]?.metadata["type"] = Data(type.name.utf8)
        }
        return result
    }

    /// Which limit the attributes exceed by their number or sizes; nil if none.
    func sizeFlaw(of attributes: SearchAttributes) -> String? {
        let fields = attributes.indexedFields
        if fields.count > self.keysMax {
            return "number of search attributes \(fields.count) exceeds limit \(self.keysMax)"
        }
        return searchAttributeSizeFlaw(
            fields, valueSizeMax: self.valueSizeMax, totalSizeMax: self.totalSizeMax)
    }

    private func type(of name: String) throws(ServiceError) -> SearchAttributeType {
        if let type = self.custom[name] ?? SearchAttributeCatalog.settable[name] { return type }
        guard SearchAttributeCatalog.system[name] == nil else {
            throw .invalidArgument("\(name) attribute can't be set in SearchAttributes")
        }
        throw .invalidArgument(
            "Namespace \(self.namespace) has no mapping defined for search attribute \(name)")
    }
}
