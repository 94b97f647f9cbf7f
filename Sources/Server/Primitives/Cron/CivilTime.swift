/// A date and time of day in the Gregorian calendar, without a zone.
struct CivilTime: Equatable, Sendable {
    /// Days since 1970.
    let dayNumber: Int64
    let secondOfDay: Int64
    let year: Int
    let month: Int
    let day: Int

    /// From seconds since 1970 as the zone's own clocks count them.
    init(seconds: Int64) {
        self.dayNumber = seconds.flooredDivision(by: 86_400)
        self.secondOfDay = seconds - self.dayNumber * 86_400
        // Years that begin in March put the leap day at their end; 400 of them repeat for ever.
        let shifted = self.dayNumber + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        self.day = Int(dayOfYear - (153 * marchMonth + 2) / 5) + 1
        self.month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        self.year = Int(yearOfEra + era * 400) + (self.month <= 2 ? 1 : 0)
    }

    var hour: Int { Int(self.secondOfDay / 3_600) }
    var minute: Int { Int(self.secondOfDay / 60 % 60) }
    /// 0 is Sunday; 1970 began on a Thursday.
    var weekday: Int {
        Int(self.dayNumber + 4 - (self.dayNumber + 4).flooredDivision(by: 7) * 7)
    }

    var daysInMonth: Int {
        switch self.month {
        case 2:
            self.year.isMultiple(of: 4)
                && (!self.year.isMultiple(of: 100) || self.year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    /// The quotient, rounded down also for negative numbers.
    func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = self.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
