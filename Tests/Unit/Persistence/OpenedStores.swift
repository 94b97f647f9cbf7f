import Foundation
import Persistence
import PersistenceMemory
import PersistencePostgreSQL
import PersistenceSQLite

/// The implementations the contract suites run on.
enum StoreKind: CaseIterable, Sendable {
    case memory, ephemeral, file, postgreSQL

    func open() async throws -> OpenedStores {
        switch self {
        case .memory:
            return OpenedStores(stores: MemoryStores(), directory: nil)
        case .ephemeral:
            return OpenedStores(stores: try SQLiteStores.open(location: .ephemeral), directory: nil)
        case .file:
            let directory = try TemporaryDirectory()
            let stores = try SQLiteStores.open(location: .file(directory.file("test.db")))
            return OpenedStores(stores: stores, directory: directory)
        case .postgreSQL:
            let database = try TestDatabase()
            return OpenedStores(stores: try await database.open(), directory: nil)
        }
    }
}

/// Stores, and the directory they need for as long as they are used.
struct OpenedStores {
    let stores: any Stores
    let directory: TemporaryDirectory?
}

/// A directory of a test's own, removed with this object.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("persistence-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func file(_ name: String) -> String { "\(self.path)/\(name)" }
}

/// What a call of a store came to.
func outcome<Value>(
    _ body: () async throws(StoreError) -> Value
) async -> Result<Value, StoreError> {
    do throws(StoreError) {
        return .success(try await body())
    } catch {
        return .failure(error)
    }
}
