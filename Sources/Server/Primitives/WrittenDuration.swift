extension Duration {
    /// Reads a duration as Go spells it: `1h30m`, `500ms`, `-1.5s`; nil if it is none.
    ///
    /// Go has no unit for days; configuration files have.
    package init?(written text: String, allowsDays: Bool = false) {
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        if rest == "0" {
            self = .zero
            return
        }
        var units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9),
            ("m", 60e9), ("h", 3_600e9),
        ]
        if allowsDays { units.append(("d", 86_400e9)) }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
            rest = rest.dropFirst(unit.count)
            guard let amount = Double(number.hasPrefix(".") ? "0\(number)" : String(number)),
                let scale = units.first(where: { $0.0 == unit })
            else { return nil }
            total += amount * scale.1
        }
        guard total < 9.2e18 else { return nil }
        self = .nanoseconds(Int64(isNegative ? -total : total))
    }
}
