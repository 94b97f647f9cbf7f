import Foundation
import PackagePlugin

/// Compiles the served `.proto` files to one descriptor set and embeds it as Swift source, for
/// server reflection and for the table of RPCs.
@main
struct DescriptorPlugin: BuildToolPlugin {
    static let roots = [
        "temporal/api/workflowservice/v1/service.proto",
        "temporal/api/operatorservice/v1/service.proto",
        "temporal/api/errordetails/v1/message.proto",
        "grpc/health/v1/health.proto",
        "grpc/reflection/v1/reflection.proto",
        "grpc/reflection/v1alpha/reflection.proto",
    ]

    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        let protos = target.directoryURL.appending(path: "Protos")
        let inputs = (target as? any SourceModuleTarget)?.sourceFiles(withSuffix: ".proto")
            .map(\.url).filter { !$0.path().contains("/Protos/server/") }
        let set = context.pluginWorkDirectoryURL.appending(path: "api.binpb")
        let source = context.pluginWorkDirectoryURL.appending(path: "EmbeddedDescriptors.swift")
        return [
            .buildCommand(
                displayName: "Compiling API descriptors",
                executable: try context.tool(named: "protoc").url,
                arguments: [
                    "--proto_path=\(protos.path())", "--include_imports",
                    "--descriptor_set_out=\(set.path())",
                ] + Self.roots,
                inputFiles: inputs ?? [],
                outputFiles: [set]),
            .buildCommand(
                displayName: "Embedding API descriptors",
                executable: try context.tool(named: "descriptor-embedder").url,
                arguments: [set.path(), source.path()],
                inputFiles: [set],
                outputFiles: [source]),
        ]
    }
}
