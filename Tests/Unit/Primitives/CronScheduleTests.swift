import Foundation
import Primitives
import Testing

@Suite struct CronScheduleTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let schedule: String
        let start: String
        let due: [String]

        init(_ schedule: String, _ start: String, _ due: String...) {
            self.schedule = schedule
            self.start = start
            self.due = due
        }

        var testDescription: String { "\(self.schedule) after \(self.start)" }
    }

    /// Found by trying every minute with another calendar's rules; all times are UTC.
    static let reference: [Row] = [
        Row("* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00", "2026-01-01T00:02:00"),
        Row(
            "*/15 * * * *", "2026-01-01T00:07:30", "2026-01-01T00:15:00", "2026-01-01T00:30:00",
            "2026-01-01T00:45:00"),
        Row("0 * * * *", "2026-01-01T00:00:00", "2026-01-01T01:00:00", "2026-01-01T02:00:00"),
        Row(
            "5/20 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00", "2026-01-01T00:25:00",
            "2026-01-01T00:45:00", "2026-01-01T01:05:00"),
        Row(
            "10-30/10 1 * * *", "2026-01-01T00:00:00", "2026-01-01T01:10:00", "2026-01-01T01:20:00",
            "2026-01-01T01:30:00", "2026-01-02T01:10:00"),
        Row("0 0 1 * *", "2026-01-31T12:00:00", "2026-02-01T00:00:00", "2026-03-01T00:00:00"),
        Row(
            "30 4 1,15 * 5", "2026-01-01T05:00:00", "2026-01-02T04:30:00", "2026-01-09T04:30:00",
            "2026-01-15T04:30:00", "2026-01-16T04:30:00"),
        Row(
            "0 12 * * MON-FRI", "2026-01-02T12:00:00", "2026-01-05T12:00:00", "2026-01-06T12:00:00"),
        Row("0 12 ? * 6", "2026-01-02T12:00:00", "2026-01-03T12:00:00", "2026-01-10T12:00:00"),
        Row(
            "0 0 31 * *", "2026-01-31T00:00:00", "2026-03-31T00:00:00", "2026-05-31T00:00:00",
            "2026-07-31T00:00:00"),
        Row("0 0 29 2 *", "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        Row(
            "15 10 * JAN,jul Sun", "2026-01-26T00:00:00", "2026-07-05T10:15:00",
            "2026-07-12T10:15:00"),
        Row(
            "0 0 */10 * 1", "2026-02-01T00:00:00", "2026-02-02T00:00:00", "2026-02-09T00:00:00",
            "2026-02-11T00:00:00", "2026-02-16T00:00:00"),
        Row("0 22 * * 1-5", "2025-12-31T22:00:00", "2026-01-01T22:00:00", "2026-01-02T22:00:00"),
        Row("59 23 31 12 *", "2026-06-01T00:00:00", "2026-12-31T23:59:00"),
        Row("@hourly", "2026-01-01T00:30:00", "2026-01-01T01:00:00"),
        Row("@daily", "2026-02-28T00:00:00", "2026-03-01T00:00:00"),
        Row("@weekly", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        Row("@monthly", "2026-12-05T00:00:00", "2027-01-01T00:00:00"),
        Row("@yearly", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        Row(
            "CRON_TZ=America/New_York 30 2 * * *", "2026-03-07T08:00:00", "2026-03-09T06:30:00",
            "2026-03-10T06:30:00"),
        Row(
            "CRON_TZ=America/New_York 30 1 * * *", "2026-10-31T06:00:00", "2026-11-01T05:30:00",
            "2026-11-01T06:30:00", "2026-11-02T06:30:00"),
        Row(
            "TZ=America/New_York 0 * * * *", "2026-03-08T06:30:00", "2026-03-08T07:00:00",
            "2026-03-08T08:00:00"),
        Row(
            "TZ=America/New_York 0 9 * * 1", "2026-03-02T15:00:00", "2026-03-09T13:00:00",
            "2026-03-16T13:00:00"),
        Row(
            "CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-28T02:00:00", "2026-03-30T00:30:00",
            "2026-03-31T00:30:00"),
        Row(
            "CRON_TZ=Europe/Berlin 0 0 * * *", "2026-10-24T12:00:00", "2026-10-24T22:00:00",
            "2026-10-25T23:00:00", "2026-10-26T23:00:00"),
        Row(
            "CRON_TZ=Asia/Kolkata 0 0 * * *", "2026-01-01T00:00:00", "2026-01-01T18:30:00",
            "2026-01-02T18:30:00"),
        Row(
            "CRON_TZ=Asia/Kathmandu 15 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:30:00",
            "2026-01-01T01:30:00"),
        Row(
            "CRON_TZ=America/Sao_Paulo 0 0 * * *", "2018-11-03T12:00:00", "2018-11-05T02:00:00",
            "2018-11-06T02:00:00"),
        Row("CRON_TZ=America/Sao_Paulo 0 1 4 11 *", "2018-11-01T00:00:00", "2018-11-04T03:00:00"),
        Row("CRON_TZ=America/Sao_Paulo 0 12 4 * *", "2018-11-01T00:00:00", "2018-11-04T14:00:00"),
        Row(
            "CRON_TZ=Pacific/Auckland 0 8 1 * *", "2026-01-01T00:00:00", "2026-01-31T19:00:00",
            "2026-02-28T19:00:00"),
        Row("CRON_TZ=Asia/Tokyo @daily", "2026-01-01T00:00:00", "2026-01-01T15:00:00"),
        Row(
            "CRON_TZ=Australia/Lord_Howe 0 12 * * *", "2026-04-04T00:00:00", "2026-04-04T01:00:00",
            "2026-04-05T01:30:00", "2026-04-06T01:30:00"),
        Row("CRON_TZ=America/New_York 0 0 1 11 *", "2026-01-01T00:00:00", "2026-11-01T04:00:00"),
        Row(
            "CRON_TZ=America/Los_Angeles 0,30 1,2,3 8 3 *", "2026-03-08T00:00:00",
            "2026-03-08T09:00:00", "2026-03-08T09:30:00", "2026-03-08T10:00:00",
            "2026-03-08T10:30:00", "2027-03-08T09:00:00"),
    ]

    @Test("A schedule is due when its fields match, in its zone", arguments: Self.reference)
    func isDue(_ row: Row) throws {
        let schedule = try #require(CronSchedule(row.schedule))
        var moment = try time(row.start)
        for due in row.due {
            moment = try #require(schedule.next(after: moment))
            #expect(moment == (try time(due)), "expected \(due)")
        }
    }

    @Test(
        "What is no schedule is refused",
        arguments: [
            "", " ", "*", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
            "* * 32 * *", "* * * 13 * ", "* * * 0 *", "* * * * 7", "-1 * * * *", "5-1 * * * *",
            "*/0 * * * *", "1/2/3 * * * *", "1-2-3 * * * *", "a * * * *", "* * * foo *", "@never",
            "@every", "@every soon", "@every 1", "@daily now", "TZ=UTC",
            "TZ=Nowhere/Land * * * * *",
            "CRON_TZ=PST * * * * *", "CRON_TZ=GMT+3 * * * * *",
        ])
    func refused(_ text: String) { #expect(CronSchedule(text) == nil) }

    @Test(
        "A schedule that is never due says so",
        arguments: [
            "0 0 30 2 *", "0 0 31 4,6,9,11 *", ", * * * *",
        ])
    func neverDue(_ text: String) throws {
        let schedule = try #require(CronSchedule(text))
        #expect(schedule.next(after: try time("2026-01-01T00:00:00")) == nil)
    }

    @Test(
        "An interval is counted from whole seconds",
        arguments: [
            ("@every 90s", 90), ("@every 1h30m", 5_400), ("@every 1.5s", 1), ("@every 100ms", 1),
            ("@every -5s", 1),
        ])
    func interval(_ text: String, _ seconds: Int64) throws {
        let schedule = try #require(CronSchedule(text))
        let start = try time("2026-01-01T00:00:00")
        #expect(schedule.next(after: start + .milliseconds(300)) == start + .seconds(seconds))
    }

    @Test("The wait is in whole seconds, and skips what was missed")
    func backoff() throws {
        let scheduled = try time("2026-01-01T00:00:00")
        let hourly = try #require(CronSchedule("@hourly"))
        func wait(_ schedule: CronSchedule, _ lived: Duration) -> Duration? {
            schedule.backoff(afterScheduled: scheduled, now: scheduled + lived)
        }
        #expect(wait(hourly, .zero) == .seconds(3_600))
        #expect(wait(hourly, .milliseconds(500)) == .seconds(3_600))
        #expect(wait(hourly, .seconds(3_600)) == .zero)
        #expect(wait(hourly, .seconds(9_000)) == .seconds(1_800))
        #expect(wait(hourly, .seconds(-60)) == .seconds(60))
        let every = try #require(CronSchedule("@every 7s"))
        #expect(wait(every, .seconds(3)) == .seconds(4))
        #expect(wait(every, .seconds(15)) == .seconds(6))
        #expect(wait(every, .seconds(14)) == .zero)
        let never = try #require(CronSchedule("0 0 30 2 *"))
        #expect(wait(never, .zero) == nil)
    }

    @Test("Durations are read as Go writes them")
    func durations() {
        #expect(Duration(written: "1h30m") == .seconds(5_400))
        #expect(Duration(written: "-1.5s") == .milliseconds(-1_500))
        #expect(Duration(written: "2us3ns") == .nanoseconds(2_003))
        #expect(Duration(written: "0") == .zero)
        #expect(Duration(written: "2d", allowsDays: true) == .seconds(172_800))
        for text in ["", "1", "s", "1x", "2d", "9999999999h", "+", "1..2s"] {
            #expect(Duration(written: text) == nil, "\(text)")
        }
    }
}

private func time(_ text: String) throws -> Timestamp {
    let date = try Date("\(text)Z", strategy: .iso8601)
    return .epoch + .seconds(Int64(date.timeIntervalSince1970))
}
