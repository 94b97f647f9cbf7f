/// A page that shows latency and throughput over time, without anything from elsewhere.
struct LatencyPage {
    let summary: Summary

    private static let width = 900.0, height = 260.0, margin = 56.0
    private static let lines:
        [(name: String, color: String, value: @Sendable (Latencies) -> Double)] =
            [
                ("p50", "#2a7de1", { $0.p50 }), ("p95", "#e08a1e", { $0.p95 }),
                ("p99", "#c92a2a", { $0.p99 }),
            ]

    var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8">
        <title>temporal-bench \(Self.escaped(self.summary.scenario))</title>
        <style>
        body { font: 14px system-ui, sans-serif; margin: 2em auto; max-width: 960px; color: #222; }
        pre { background: #f6f6f6; padding: 1em; overflow-x: auto; }
        svg { width: 100%; height: auto; } text { font: 12px system-ui, sans-serif; fill: #555; }
        </style></head><body>
        <h1>\(Self.escaped(self.summary.scenario)) \(self.summary.size)</h1>
        <pre>\(Self.escaped(self.summary.text))</pre>
        <h2>Latency over time</h2>
        \(self.chart("ms", Self.lines))
        <h2>Throughput over time</h2>
        \(self.chart("operations a second", [("operations", "#2a7de1", { Double($0.count) })]))
        </body></html>

        """
    }

    private func chart(
        _ unit: String,
        _ lines: [(name: String, color: String, value: @Sendable (Latencies) -> Double)]
    ) -> String {
        let course = self.summary.course
        let top = max(1e-9, course.flatMap { second in lines.map { $0.value(second) } }.max() ?? 0)
        let step = (Self.width - 2 * Self.margin) / Double(max(1, course.count - 1))
        func x(_ second: Int) -> Double { Self.margin + Double(second) * step }
        func y(_ value: Double) -> Double {
            Self.height - Self.margin - value / top * (Self.height - 2 * Self.margin)
        }
        var parts = [
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">",
            "<text x=\"4\" y=\"20\">\(unit)</text>",
        ]
        for quarter in 0...4 {
            let value = top * Double(quarter) / 4
            parts.append(
                "<line x1=\"\(number(x(0), 1))\" x2=\"\(number(Self.width - Self.margin, 1))\" "
                    + "y1=\"\(number(y(value), 1))\" y2=\"\(number(y(value), 1))\" stroke=\"#ddd\"/>"
                    + "<text x=\"4\" y=\"\(number(y(value) + 4, 1))\">\(number(value, 1))</text>")
        }
        for second in stride(from: 0, to: course.count, by: max(1, course.count / 10)) {
            parts.append(
                "<text x=\"\(number(x(second), 1))\" y=\"\(number(Self.height - 30, 1))\">"
                    + "\(second + 1) s</text>")
        }
        for (index, line) in lines.enumerated() {
            let points = course.enumerated().map { second, value in
                "\(number(x(second), 1)),\(number(y(line.value(value)), 1))"
            }
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"2\" "
                    + "points=\"\(points.joined(separator: " "))\"/>"
                    + "<text x=\"\(number(Self.margin + 120 * Double(index), 1))\" "
                    + "y=\"\(number(Self.height - 8, 1))\" style=\"fill:\(line.color)\">"
                    + "\(line.name)</text>")
        }
        return (parts + ["</svg>"]).joined(separator: "\n")
    }

    private static func escaped(_ text: String) -> String {
        text.split(separator: "", omittingEmptySubsequences: false).map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(character)
            }
        }.joined()
    }
}
