import Foundation

// descriptor-embedder IN OUT: writes the bytes of IN as a base64 literal into a Swift file.
let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    FileHandle.standardError.write(Data("usage: descriptor-embedder IN OUT\n".utf8))
    exit(2)
}
let bytes = try Data(contentsOf: URL(fileURLWithPath: arguments[1]))
let source = """
    /// The serialized `FileDescriptorSet` of every served API, as base64.
    package let embeddedDescriptorSet = "\(bytes.base64EncodedString())"

    """
try source.write(toFile: arguments[2], atomically: true, encoding: .utf8)
