import Testing

@Suite struct TidyTests {
    static let fileLengthMax = 800
    static let functionLengthMax = 70

    @Test("The repository's files were found")
    func filesWereFound() {
        #expect(Repository.files.count > 50)
    }

    @Test("No file is too long to read")
    func filesAreShort() {
        let long = Repository.files.filter { $0.lines.count > Self.fileLengthMax }
            .map { "\($0.path) has \($0.lines.count) lines" }
        #expect(long.isEmpty, "\(long.joined(separator: "\n"))")
    }

    @Test("No function is too long to see at once")
    func functionsAreShort() {
        let long = Repository.files.flatMap { file in
            FunctionLengths.functions(in: file.codeLines)
                .filter { $0.length > Self.functionLengthMax }
                .map { "\(file.place($0.line)) has \($0.length) lines" }
        }
        #expect(long.isEmpty, "\(long.joined(separator: "\n"))")
    }

    @Test("Nothing is left for later")
    func nothingIsLeftForLater() {
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK:"]
        let found = Repository.files.flatMap { file in
            file.lines.indices.filter { index in
                words.contains { file.lines[index].contains($0) }
            }.map { file.place($0 + 1) }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test("Comments and strings are not code, interpolations are")
    func commentsAndStringsAreNotCode() {
        let source = ##"""
            let a = "x // y" // z
            /* one /* two */ three */ let b = #"\("no")"#
            let c = "\(f("p", g(1))) tail"
            """##
        let expected = """
            let a = ""\(" ")
            \(" ")let b = ""
            let c = "" f("", g(1))\(" ")
            """
        #expect(SourceText.code(of: source) == expected)
    }

    @Test("Functions are measured from their first line to their last")
    func functionsAreMeasured() {
        let source = """
            protocol P {
                func required(a: Int)
                init()
            }
            struct S {
                init(
                    a: Int, b: () -> Void = {}
                ) {
                    self.init()
                }
                func f() { }
            }
            """
        let lines = source.split(separator: "\n").map(String.init)
        #expect(
            FunctionLengths.functions(in: lines) == [
                .init(line: 6, length: 5), .init(line: 11, length: 1),
            ])
    }
}
