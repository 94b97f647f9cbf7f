import SwiftProtobuf
import TemporalAPI

/// Finds the definitions of the served APIs by file, symbol and extension.
struct ReflectionIndex: Sendable {
    /// An extension by what it extends and its field number.
    struct Extension: Hashable {
        let extended: String
        let number: Int32
    }

    private let descriptors: EmbeddedDescriptors
    private var fileOfSymbol: [String: String] = [:]
    private var fileOfExtension: [Extension: String] = [:]
    private var imports: [String: [String]] = [:]

    init(_ descriptors: EmbeddedDescriptors) {
        self.descriptors = descriptors
        for file in descriptors.files { self.add(file) }
    }

    /// The services whose definitions are known, sorted.
    var services: [String] {
        self.descriptors.files.flatMap { file in
            file.service.map { "\(file.package).\($0.name)" }
        }.sorted()
    }

    /// A file and everything it imports, itself first.
    func files(from name: String) -> [[UInt8]]? {
        guard self.imports[name] != nil else { return nil }
        var ordered: [String] = [], seen: Set<String> = []
        self.visit(name, &ordered, &seen)
        return ordered.reversed().compactMap { self.descriptors.serializedFiles[$0] }
    }

    func file(ofSymbol symbol: String) -> String? { self.fileOfSymbol[symbol] }

    func file(of extension: Extension) -> String? { self.fileOfExtension[`extension`] }

    /// The numbers of all known extensions of a message, sorted; nil for an unknown message.
    func extensionNumbers(of message: String) -> [Int32]? {
        guard self.fileOfSymbol[message] != nil else { return nil }
        return self.fileOfExtension.keys.filter { $0.extended == message }.map(\.number).sorted()
    }

    private func visit(_ name: String, _ ordered: inout [String], _ seen: inout Set<String>) {
        guard seen.insert(name).inserted else { return }
        for imported in self.imports[name] ?? [] { self.visit(imported, &ordered, &seen) }
        ordered.append(name)
    }

    private mutating func add(_ file: Google_Protobuf_FileDescriptorProto) {
        self.imports[file.name] = file.dependency
        let scope = file.package.isEmpty ? "" : file.package + "."
        for message in file.messageType { self.add(message, scope, file.name) }
        for type in file.enumType { self.add(type, scope, file.name) }
        for field in file.extension { self.add(extension: field, scope, file.name) }
        for service in file.service {
            let name = scope + service.name
            self.fileOfSymbol[name] = file.name
            for method in service.method { self.fileOfSymbol["\(name).\(method.name)"] = file.name }
        }
    }

    private mutating func add(
        _ message: Google_Protobuf_DescriptorProto, _ scope: String, _ file: String
    ) {
        let name = scope + message.name
        self.fileOfSymbol[name] = file
        for field in message.field { self.fileOfSymbol["\(name).\(field.name)"] = file }
        for oneof in message.oneofDecl { self.fileOfSymbol["\(name).\(oneof.name)"] = file }
        for nested in message.nestedType { self.add(nested, name + ".", file) }
        for type in message.enumType { self.add(type, name + ".", file) }
        for field in message.extension { self.add(extension: field, name + ".", file) }
    }

    private mutating func add(
        _ type: Google_Protobuf_EnumDescriptorProto, _ scope: String, _ file: String
    ) {
        self.fileOfSymbol[scope + type.name] = file
        for value in type.value { self.fileOfSymbol[scope + value.name] = file }
    }

    private mutating func add(
        extension field: Google_Protobuf_FieldDescriptorProto, _ scope: String, _ file: String
    ) {
        self.fileOfSymbol[scope + field.name] = file
        let extended = String(field.extendee.drop { $0 == "." })
        self.fileOfExtension[Extension(extended: extended, number: field.number)] = file
    }
}
