/// An instant in UTC, in whole milliseconds since 1970-01-01T00:00:00Z; on the wire RFC 3339 with three fraction digits
/// and `Z` ("2026-11-21T05:26:34.123Z"). Pure: nothing here reads a clock.
package struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package init(seconds: Int64) { self.milliseconds = seconds * 1000 }

    package var seconds: Int64 { milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000 }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
    package func adding(seconds: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds + seconds * 1000) }
    package func adding(days: Int64) -> Timestamp { adding(seconds: days * 86_400) }
    package func seconds(since other: Timestamp) -> Int64 { (milliseconds - other.milliseconds) / 1000 }

    /// Proleptic Gregorian civil time of this instant.
    package var civil: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, millisecond: Int) {
        let days = milliseconds >= 0 ? milliseconds / 86_400_000 : (milliseconds - 86_399_999) / 86_400_000
        let rest = Int(milliseconds - days * 86_400_000)
        // Days to civil date: era of 400 years, years counted from 1 March (Hinnant's algorithm).
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shifted + 2) / 5 + 1)
        let month = Int(shifted < 10 ? shifted + 3 : shifted - 9)
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        return (year, month, day, rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000)
    }

    package init(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, millisecond: Int = 0
    ) {
        let y = Int64(month <= 2 ? year - 1 : year)
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        milliseconds = days * 86_400_000 + Int64(hour * 3_600_000 + minute * 60_000 + second * 1000 + millisecond)
    }

    package var description: String {
        let c = civil
        guard (0...9999).contains(c.year) else {
            // No instant that this project makes or takes; only its name must not trap.
            return "\(c.year)-\(c.month)-\(c.day)T\(c.hour):\(c.minute):\(c.second)Z"
        }
        return String(unsafeUninitializedCapacity: 32) { out in
            var at = 0
            func put(_ byte: UInt8) {
                out[at] = byte
                at += 1
            }
            func digits(_ number: Int, _ width: Int) {
                var scale = 1
                for _ in 1..<width { scale *= 10 }
                while scale > 0 {
                    put(UInt8(48 + number / scale % 10))
                    scale /= 10
                }
            }
            digits(c.year, 4)
            put(UInt8(ascii: "-"))
            digits(c.month, 2)
            put(UInt8(ascii: "-"))
            digits(c.day, 2)
            put(UInt8(ascii: "T"))
            digits(c.hour, 2)
            put(UInt8(ascii: ":"))
            digits(c.minute, 2)
            put(UInt8(ascii: ":"))
            digits(c.second, 2)
            put(UInt8(ascii: "."))
            digits(c.millisecond, 3)
            put(UInt8(ascii: "Z"))
            return at
        }
    }

    /// Reads RFC 3339 in UTC ("Z"), with 0 to 9 fraction digits; anything finer than a millisecond is cut.
    package init?(_ text: String) {
        let b = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int? {
            guard from + count <= b.count else { return nil }
            var n = 0
            for i in from..<(from + count) {
                guard b[i] >= 48, b[i] <= 57 else { return nil }
                n = n * 10 + Int(b[i] - 48)
            }
            return n
        }
        guard b.count >= 20, b.count <= 30, b[4] == 45, b[7] == 45, b[10] == 84, b[13] == 58, b[16] == 58,
            b[b.count - 1] == 90,
            let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var millisecond = 0
        if b.count > 20 {
            guard b[19] == 46, b.count > 21 else { return nil }
            var scale = 100
            for i in 20..<(b.count - 1) {
                guard b[i] >= 48, b[i] <= 57 else { return nil }
                millisecond += Int(b[i] - 48) * scale
                scale /= 10
            }
        }
        self.init(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, millisecond: millisecond)
        let c = civil
        guard c.day == day, c.month == month else { return nil }
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not an RFC 3339 instant in UTC"))
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
