import Bootstrap
import StaticConfiguration
import Logging
import Testing

@Suite struct LogLinesTests {
    static let rows: [(format: ServerConfiguration.Log.Format, line: String)] = [
        (
            .text,
            "T WARN one\\ntwo count=7 empty=\"\" text=\"a \\\"b\\\"\\n\"\n"
        ),
        (
            .json,
            #"{"level":"warn","ts":"T","msg":"one\ntwo","logger":"l","#
                + #""count":"7","empty":"","text":"a \"b\"\n"}"# + "\n"
        ),
    ]

    @Test("A line is one line, whatever is in it", arguments: Self.rows)
    func oneLine(format: ServerConfiguration.Log.Format, line: String) {
        let fields = [("count", "7"), ("empty", ""), ("text", "a \"b\"\n")]
        let made = LogLines.line(
            format: format, level: .warning, time: "T", label: "l", message: "one\ntwo",
            fields: fields)
        #expect(made == line)
    }
}
