/// The values one field of a cron schedule allows.
struct CronField: Equatable, Sendable {
    private(set) var values: UInt64 = 0
    /// Written as `*` or `?`: the field does not restrict anything.
    private(set) var isStar = false

    func contains(_ value: Int) -> Bool { self.values & (1 << UInt64(value)) != 0 }

    /// What a field may hold, and the names some values have.
    struct Bounds: Sendable {
        let values: ClosedRange<Int>
        var names: [String] = []
        /// The value of the first name.
        var firstName = 0

        static let minute = Bounds(values: 0...59)
        static let hour = Bounds(values: 0...23)
        static let dayOfMonth = Bounds(values: 1...31)
        static let month = Bounds(
            values: 1...12,
            names: [
                "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
            ], firstName: 1)
        static let dayOfWeek = Bounds(
            values: 0...6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
    }

    /// Reads a list of ranges, `1-5`, `*/15`, `mon,wed`; nil if it makes no sense.
    init?(_ text: some StringProtocol, _ bounds: Bounds) {
        for part in text.split(separator: ",") {
            guard self.add(String(part), bounds) else { return nil }
        }
    }

    private mutating func add(_ text: String, _ bounds: Bounds) -> Bool {
        let rangeAndStep = text.split(separator: "/", omittingEmptySubsequences: false)
        let ends = rangeAndStep[0].split(separator: "-", omittingEmptySubsequences: false)
        var (first, last) = (bounds.values.lowerBound, bounds.values.upperBound)
        let isStar = ends[0] == "*" || ends[0] == "?"
        if !isStar {
            guard ends.count <= 2, let low = Self.value(ends[0], bounds) else { return false }
            first = low
            last = low
            if ends.count == 2 {
                guard let high = Self.value(ends[1], bounds) else { return false }
                last = high
            }
        }
        var step = 1
        if rangeAndStep.count > 1 {
            guard rangeAndStep.count == 2, let number = Int(rangeAndStep[1]), number > 0 else {
                return false
            }
            step = number
            // A start with a step goes on to the end.
            if ends.count == 1 { last = bounds.values.upperBound }
        }
        guard first >= bounds.values.lowerBound, last <= bounds.values.upperBound, first <= last
        else { return false }
        // A step that leaves values out restricts the field, even after a star.
        if isStar, step == 1 { self.isStar = true }
        for value in stride(from: first, through: last, by: min(step, 64)) {
            self.values |= 1 << UInt64(value)
        }
        return true
    }

    private static func value(_ text: Substring, _ bounds: Bounds) -> Int? {
        if let index = bounds.names.firstIndex(of: text.lowercased()) {
            return bounds.firstName + index
        }
        guard let number = Int(text), number >= 0 else { return nil }
        return number
    }
}
