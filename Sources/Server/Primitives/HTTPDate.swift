extension Timestamp {
    /// This time as HTTP headers have it, to the second: `Thu, 01 Jan 1970 00:00:00 GMT`.
    package var httpDate: String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let time = CivilTime(seconds: self.nanoseconds.flooredDivision(by: 1_000_000_000))
        func padded(_ number: Int, to width: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(width - digits.count, 0)) + digits
        }
        return "\(days[time.weekday]), \(padded(time.day)) \(months[time.month - 1]) "
            + "\(padded(time.year, to: 4)) \(padded(time.hour)):\(padded(time.minute)):"
            + "\(padded(Int(time.secondOfDay % 60))) GMT"
    }
}
