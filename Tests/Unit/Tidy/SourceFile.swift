import Foundation

/// One file of this repository, as written and as code alone.
struct SourceFile: Sendable {
    /// From the top of the repository: `Sources/Server/…`.
    let path: String
    let lines: [String]
    /// The same lines without comments and string literals.
    let codeLines: [String]
    /// Every identifier and keyword of its code.
    let words: Set<String>

    init(path: String, text: String) {
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        self.codeLines = SourceText.code(of: text)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        self.words = Set(
            self.codeLines.flatMap { line in
                line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
            })
    }

    func isIn(_ folders: [String]) -> Bool {
        folders.contains { self.path.hasPrefix($0 + "/") || self.path == $0 }
    }

    /// The modules it imports, with their lines.
    var imports: [(module: String, line: Int)] {
        self.codeLines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at < 3, at + 1 < words.count,
                words[..<at].allSatisfy({
                    $0.hasPrefix("@") || ["package", "internal", "private"].contains($0)
                })
            else { return nil }
            let kinds: Set<Substring> = [
                "struct", "class", "enum", "func", "protocol", "let", "var", "typealias",
            ]
            let named = kinds.contains(words[at + 1]) ? at + 2 : at + 1
            guard named < words.count else { return nil }
            let module = words[named].split(separator: ".").first.map(String.init)
            return module.map { ($0, index + 1) }
        }
    }

    /// A place of this file as a compiler names it.
    func place(_ line: Int) -> String { "\(self.path):\(line)" }
}

/// The Swift files of this repository that people wrote.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let files: [SourceFile] = ["Sources", "Tests"].flatMap { files(in: $0) }

    static var sources: [SourceFile] { self.files.filter { $0.isIn(["Sources"]) } }

    private static func files(in folder: String) -> [SourceFile] {
        let top = self.root.appending(path: folder)
        guard let paths = FileManager.default.enumerator(atPath: top.path) else { return [] }
        return paths.compactMap { $0 as? String }
            .filter { $0.hasSuffix(".swift") }
            .sorted()
            .compactMap { path in
                let text = try? String(contentsOf: top.appending(path: path), encoding: .utf8)
                return text.map { SourceFile(path: "\(folder)/\(path)", text: $0) }
            }
    }
}
