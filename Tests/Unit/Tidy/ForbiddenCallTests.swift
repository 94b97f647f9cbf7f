import Testing

/// What may not be written in some folders, and why.
struct CallRule: Sendable, CustomTestStringConvertible {
    let folders: [String]
    var except: [String] = []
    /// Names that may not be mentioned.
    var words: [String] = []
    /// Regular expressions for code without comments and strings, by a word that each contains.
    var patterns: [(word: String, pattern: String)] = []
    let reason: String

    var testDescription: String { self.reason }

    func violations(in files: [SourceFile]) throws -> [String] {
        let words = self.words.map { (word: $0, pattern: "\\b\($0)\\b") }
        let forbidden = try (words + self.patterns).map {
            (word: $0.word, pattern: try Regex($0.pattern).wordBoundaryKind(.simple))
        }
        return files.filter { $0.isIn(self.folders) && !$0.isIn(self.except) }.flatMap { file in
            let patterns = forbidden.filter { file.words.contains($0.word) }.map(\.pattern)
            guard !patterns.isEmpty else { return [String]() }
            return file.codeLines.enumerated().compactMap { index, line in
                guard let found = patterns.lazy.compactMap({ line.firstMatch(of: $0) }).first
                else { return nil }
                let text = line[found.range].drop { $0 == " " }
                return "\(file.place(index + 1)) has `\(text)`: \(self.reason)"
            }
        }
    }
}

@Suite struct ForbiddenCallTests {
    /// Where the real world comes in.
    static let edges = [
        "Sources/Server/Main", "Sources/Server/Bootstrap", "Sources/Server/Transport",
        "Sources/Server/Persistence/PostgreSQL", "Sources/Server/Persistence/SQL",
        "Sources/Server/Persistence/SQLite", "Sources/Server/API/DescriptorEmbedder",
        "Sources/Server/API/DescriptorPlugin", "Sources/Bench",
    ]
    static let tasks = [
        "Sources/Server/Authorization/Service",
        "Sources/Server/History/Service", "Sources/Server/Matching/Service",
        "Sources/Server/Worker/Service", "Sources/Server/Bootstrap", "Sources/Server/Main",
        "Sources/Server/Transport", "Sources/Simulator/World", "Sources/Simulator/Workloads",
        "Sources/Bench",
    ]

    static let rules: [CallRule] = [
        CallRule(
            folders: ["Sources"], except: Self.edges,
            words: ["ContinuousClock", "SuspendingClock", "DispatchTime", "clock_gettime"],
            patterns: [
                ("Date", #"\bDate\s*\("#), ("Date", #"\bDate\.now\b"#),
                ("sleep", #"\bTask\.sleep\b"#),
            ], reason: "time comes from a TimeSource"),
        CallRule(
            folders: ["Sources"], except: Self.edges,
            words: ["SystemRandomNumberGenerator"],
            patterns: [
                ("UUID", #"\bUUID\s*\("#), ("random", #"\.random\(\s*\)"#),
                ("shuffled", #"\.shuffled\(\s*\)"#), ("shuffle", #"\.shuffle\(\s*\)"#),
                ("randomElement", #"\.randomElement\(\s*\)"#),
            ], reason: "randomness comes from a generator that was handed in"),
        CallRule(
            folders: ["Sources"], except: Self.edges + ["Sources/Server/Configuration"],
            words: ["getenv", "ProcessInfo", "FileManager", "FileHandle"],
            reason: "the environment is read by the wiring"),
        CallRule(
            folders: ["Sources"], except: Self.edges + ["Sources/Simulator/Main"],
            words: ["debugPrint"], patterns: [("print", #"(^|[^.\w])print\s*\("#)],
            reason: "services log, they do not print"),
        CallRule(
            folders: ["Sources"], except: Self.edges,
            words: [
                "DispatchQueue", "DispatchSource", "DispatchSemaphore", "NSLock", "MainActor",
                "pthread_create", "nanosleep", "usleep",
            ],
            patterns: [("Thread", #"\bThread\s*[.({]"#), ("concurrent", #"@concurrent\b"#)],
            reason: "threads belong to the wiring"),
        CallRule(
            folders: ["Sources"], patterns: [("detached", #"\bTask\.detached\b"#)],
            reason: "a detached task has no parent that could end it"),
        CallRule(
            folders: ["Sources"], except: Self.tasks,
            patterns: [("Task", #"\bTask(<[^>]*>)?\s*(\{|\()"#)],
            reason: "only hosts start tasks"),
        CallRule(
            folders: LayeringTests.cores + ["Sources/Server/Primitives"],
            except: ["Sources/Server/Primitives/Seams.swift"],
            words: ["async", "await", "Mutex", "Atomic"],
            patterns: [("actor", #"(^|[^.\w])actor\s+\w+"#)], reason: "machines never wait"),
        CallRule(
            folders: ["Sources"],
            patterns: [
                ("public", #"\bpublic\s+\w+\s"#), ("public", #"\bpublic\s*$"#),
            ], reason: "package is wide enough"),
        CallRule(
            folders: ["Sources/Server"], patterns: [("try", #"\btry!"#), ("as", #"\bas!"#)],
            reason: "what cannot fail is an invariant and says why"),
    ]

    @Test("Nothing reaches past its seams", arguments: Self.rules)
    func nothingReachesPastItsSeams(rule: CallRule) throws {
        let violations = try rule.violations(in: Repository.sources)
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }

    static let breaches = [
        "let a = Date()", "try await Task.sleep(for: .seconds(1))", "let id = UUID().uuidString",
        "let b = Bool.random()", "let c = [1].shuffled()", "_ = getenv(name)", "print(1)",
        "DispatchQueue.main.async {}", "Task.detached {}", "Task { }", "public func f() {}",
        "let f = try! g()",
    ]

    @Test("A breach is found", arguments: Self.breaches)
    func breachIsFound(line: String) throws {
        let file = SourceFile(path: "Sources/Server/Frontend/Bad.swift", text: line + "\n")
        #expect(try Self.rules.contains { try !$0.violations(in: [file]).isEmpty })
        let comment = SourceFile(path: "Sources/Server/Frontend/Good.swift", text: "// \(line)\n")
        #expect(try Self.rules.allSatisfy { try $0.violations(in: [comment]).isEmpty })
    }

    @Test("A range is drawn from with a generator")
    func rangesAreDrawnFromWithAGenerator() throws {
        let draw = try Regex(#"\.random\(\s*in:"#)
        let violations = Repository.sources.filter { !$0.isIn(Self.edges) }.flatMap { file in
            file.codeLines.indices.filter { index in
                guard file.codeLines[index].firstMatch(of: draw) != nil else { return false }
                let call = file.codeLines[index...].prefix(3).joined(separator: " ")
                return !call.contains("using:")
            }.map { file.place($0 + 1) }
        }
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }

    @Test("What the compiler is told to trust says why")
    func trustSaysWhy() throws {
        let trust = try Regex(
            #"@unchecked Sendable|nonisolated\(unsafe\)|\bunsafe(BitCast|Downcast)\b"#)
        let violations = Repository.sources.flatMap { file in
            file.codeLines.indices.filter { index in
                guard file.codeLines[index].firstMatch(of: trust) != nil else { return false }
                let near = file.lines[max(0, index - 6)...min(index + 2, file.lines.count - 1)]
                return !near.contains { $0.contains("Safe because") }
            }.map { file.place($0 + 1) }
        }
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }

    @Test("Names say what things are")
    func namesSayWhatThingsAre() throws {
        let vague = try Regex(
            #"\b(struct|class|enum|protocol|actor)\s+\w*(Impl|Helpers?|Utils?|Manager)\b"#)
        let violations = Repository.sources.flatMap { file in
            file.codeLines.indices.filter { index in
                let line = file.codeLines[index]
                return ["Impl", "Helper", "Util", "Manager"].contains { line.contains($0) }
                    && line.firstMatch(of: vague) != nil
            }.map { file.place($0 + 1) }
        }
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }
}
