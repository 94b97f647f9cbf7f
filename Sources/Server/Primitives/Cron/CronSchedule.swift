/// When a cron schedule is due: five fields, a descriptor such as `@hourly`, or `@every 90s`, with
/// a time zone in front if it is not UTC.
package struct CronSchedule: Sendable {
    private enum Rule: Sendable {
        case fields(Fields)
        /// Whole seconds.
        case every(Int64)
    }

    private struct Fields: Sendable {
        let minute: CronField
        let hour: CronField
        let dayOfMonth: CronField
        let month: CronField
        let dayOfWeek: CronField

        /// Whether some field allows nothing at all.
        var isEmpty: Bool {
            [self.minute, self.hour, self.month].contains { $0.values == 0 }
                || self.dayOfMonth.values == 0 && self.dayOfWeek.values == 0
        }

        /// With both kinds of days restricted, either will do.
        func allowsDay(_ day: Int, weekday: Int) -> Bool {
            let month = self.dayOfMonth.contains(day), week = self.dayOfWeek.contains(weekday)
            return self.dayOfMonth.isStar || self.dayOfWeek.isStar ? month && week : month || week
        }
    }

    private let rule: Rule
    private let zone: CronZone

    /// Reads a schedule; nil if it is none.
    package init?(_ text: String) {
        var rest = Substring(text)
        var zone = CronZone.utc
        if rest.hasPrefix("TZ=") || rest.hasPrefix("CRON_TZ=") {
            guard let space = rest.firstIndex(of: " "), let equals = rest.firstIndex(of: "="),
                let named = CronZone(named: String(rest[rest.index(after: equals)..<space]))
            else { return nil }
            zone = named
            rest = rest[space...]
        }
        let words = rest.split { $0.isWhitespace }
        guard let first = words.first else { return nil }
        guard let rule = first.hasPrefix("@") ? Self.descriptor(words) : Self.fields(words) else {
            return nil
        }
        self.rule = rule
        self.zone = zone
    }

    private static func fields(_ words: [Substring]) -> Rule? {
        guard words.count == 5, let minute = CronField(words[0], .minute),
            let hour = CronField(words[1], .hour),
            let dayOfMonth = CronField(words[2], .dayOfMonth),
            let month = CronField(words[3], .month),
            let dayOfWeek = CronField(words[4], .dayOfWeek)
        else { return nil }
        return .fields(
            Fields(
                minute: minute, hour: hour, dayOfMonth: dayOfMonth, month: month,
                dayOfWeek: dayOfWeek))
    }

    private static func descriptor(_ words: [Substring]) -> Rule? {
        if words[0] == "@every" {
            guard words.count == 2, let interval = Duration(written: String(words[1])) else {
                return nil
            }
            return .every(max(interval.components.seconds, 1))
        }
        guard words.count == 1 else { return nil }
        let fields: String
        switch words[0] {
        case "@yearly", "@annually": fields = "0 0 1 1 *"
        case "@monthly": fields = "0 0 1 * *"
        case "@weekly": fields = "0 0 * * 0"
        case "@daily", "@midnight": fields = "0 0 * * *"
        case "@hourly": fields = "0 * * * *"
        default: return nil
        }
        return self.fields(fields.split(separator: " "))
    }

    // MARK: Next

    /// The first moment after `moment` at which the schedule is due; nil if there is none within
    /// the next five years.
    package func next(after moment: Timestamp) -> Timestamp? {
        let second = moment.nanoseconds.flooredDivision(by: 1_000_000_000)
        switch self.rule {
        case .every(let interval):
            return .epoch + .seconds(second + interval)
        case .fields(let fields):
            return self.next(fields, from: second + 1).map { .epoch + .seconds($0) }
        }
    }

    private func next(_ fields: Fields, from start: Int64) -> Int64? {
        guard !fields.isEmpty else { return nil }
        var moment = start
        let lastYear = self.local(start).year + 5
        while true {
            let local = self.local(moment)
            guard local.year <= lastYear else { return nil }
            if !fields.month.contains(local.month) {
                moment = self.midnight(after: local.daysInMonth - local.day + 1, local, moment)
            } else if !fields.allowsDay(local.day, weekday: local.weekday) {
                moment = self.midnight(after: 1, local, moment)
            } else if !fields.hour.contains(local.hour) {
                moment += 3_600 - local.secondOfDay % 3_600
            } else if !fields.minute.contains(local.minute) || local.secondOfDay % 60 != 0 {
                moment += 60 - local.secondOfDay % 60
            } else {
                return moment
            }
        }
    }

    private func local(_ moment: Int64) -> CivilTime {
        CivilTime(seconds: moment + self.zone.offset(at: moment))
    }

    /// The first second of the local day that many days later, though clocks may change between.
    private func midnight(after days: Int, _ local: CivilTime, _ moment: Int64) -> Int64 {
        let there = moment + Int64(days) * 86_400 - local.secondOfDay
        let found = self.local(there)
        if found.dayNumber < local.dayNumber + Int64(days) {
            // Clocks went back: what is left of the day before is gone through again.
            return there + 86_400 - found.secondOfDay
        }
        let earlier = there - found.secondOfDay
        return self.local(earlier).dayNumber == found.dayNumber ? earlier : there
    }
}

extension CronSchedule {
    /// How long a run waits before its first task.
    ///
    /// `scheduled` is when the run before was due, so that a run which took longer than the interval
    /// skips what it missed. Whole seconds, rounded up; nil if the schedule is never due again.
    package func backoff(afterScheduled scheduled: Timestamp, now: Timestamp) -> Duration? {
        let due = now < scheduled ? scheduled : self.firstDue(notBefore: now, after: scheduled)
        guard let due else { return nil }
        let wait = (due - now).nanoseconds
        return .seconds((wait + 999_999_999).flooredDivision(by: 1_000_000_000))
    }

    private func firstDue(notBefore now: Timestamp, after scheduled: Timestamp) -> Timestamp? {
        guard case .every(let interval) = self.rule else {
            // Nothing that matters lies between: what is due next is due at `now` or after it.
            let justBefore = Timestamp(nanoseconds: now.nanoseconds - 1)
            return self.next(after: max(scheduled, justBefore))
        }
        guard let first = self.next(after: scheduled), first < now else {
            return self.next(after: scheduled)
        }
        let step = interval * 1_000_000_000
        let behind = (now - first).nanoseconds
        return Timestamp(nanoseconds: first.nanoseconds + (behind + step - 1) / step * step)
    }
}
