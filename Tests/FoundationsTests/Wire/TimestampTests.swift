import Testing
import Wire

@Suite struct `An instant` {
    /// Seconds since 1970 were counted by hand: days since 1970-01-01 times 86,400.
    static let known: [(text: String, seconds: Int64)] = [
        ("1970-01-01T00:00:00.000Z", 0),
        ("1970-01-02T00:00:00.000Z", 86_400),
        ("1969-12-31T00:00:00.000Z", -86_400),
        ("2000-02-29T00:00:00.000Z", 951_782_400),
        ("2000-03-01T00:00:00.000Z", 951_868_800),
        ("2024-02-29T12:34:56.000Z", 1_709_210_096),
        ("2038-01-19T03:14:07.000Z", 2_147_483_647),
        ("2038-01-19T03:14:08.000Z", 2_147_483_648),
        ("2050-01-01T00:00:00.000Z", 2_524_608_000),
        ("1900-02-28T00:00:00.000Z", -2_203_977_600),
        ("1900-03-01T00:00:00.000Z", -2_203_891_200),
        ("2100-02-28T00:00:00.000Z", 4_107_456_000),
        ("2100-03-01T00:00:00.000Z", 4_107_542_400),
        ("9999-12-31T23:59:59.000Z", 253_402_300_799),
        ("0001-01-01T00:00:00.000Z", -62_135_596_800),
        ("0000-03-01T00:00:00.000Z", -62_162_035_200),
    ]

    @Test(arguments: known) func `is read and written as counted by hand`(_ text: String, _ seconds: Int64) {
        #expect(Timestamp(text) == Timestamp(seconds: seconds))
        #expect(Timestamp(seconds: seconds).description == text)
    }

    @Test(arguments: [
        ("2026-11-21T05:26:34Z", Int64(0)), ("2026-11-21T05:26:34.1Z", 100), ("2026-11-21T05:26:34.12Z", 120),
        ("2026-11-21T05:26:34.123Z", 123), ("2026-11-21T05:26:34.1239Z", 123), ("2026-11-21T05:26:34.123999999Z", 123),
        ("2026-11-21T05:26:34.000000001Z", 0), ("2026-11-21T05:26:34.009Z", 9),
    ]) func `is cut to milliseconds`(_ text: String, _ milliseconds: Int64) throws {
        let whole = try #require(Timestamp("2026-11-21T05:26:34.000Z"))
        #expect(Timestamp(text) == Timestamp(milliseconds: whole.milliseconds + milliseconds))
    }

    @Test(arguments: [
        "", "Z", "2026", "2026-11-21", "2026-11-21T05:26:34", "2026-11-21 05:26:34Z", "2026-11-21t05:26:34z",
        "2026-11-21T05:26:34+00:00", "2026-11-21T05:26:34.Z", "2026-11-21T05:26:34,5Z", "2026-11-21T05:26:34.12 Z",
        "2026-11-21T05:26:34.1234567890Z", "2026-11-21T05:26Z", "26-11-21T05:26:34Z00000", "+026-11-21T05:26:34Z",
        "2026-11-21T24:00:00Z", "2026-11-21T23:60:00Z", "2026-11-21T23:59:60Z", "2026-00-21T05:26:34Z",
        "2026-13-21T05:26:34Z", "2026-11-00T05:26:34Z", "2026-11-31T05:26:34Z", "2026-04-31T05:26:34Z",
        "1900-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z",
        "2026-1١-21T05:26:34Z", "10000-01-01T00:00:00Z",
    ]) func `is refused in any other form`(_ text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `knows its leap years`() {
        for year in 1...2600 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let name = String(repeating: "0", count: 4 - String(year).count) + String(year)
            #expect((Timestamp("\(name)-02-29T00:00:00Z") != nil) == isLeap)
        }
    }

    @Test func `goes to civil time and back, day by day`() {
        // Two whole cycles of 400 years, in steps of a day and an odd number of milliseconds.
        var instant = Timestamp(year: 1600, month: 1, day: 1)
        let end = Timestamp(year: 2400, month: 1, day: 1)
        var failures = 0
        while instant < end {
            let c = instant.civil
            let back = Timestamp(
                year: c.year, month: c.month, day: c.day, hour: c.hour, minute: c.minute, second: c.second,
                millisecond: c.millisecond)
            if back != instant || Timestamp(instant.description) != instant { failures += 1 }
            instant = Timestamp(milliseconds: instant.milliseconds + 86_400_000 * 11 + 12_345_678)
        }
        #expect(failures == 0)
    }

    @Test func `counts whole seconds downwards before 1970`() {
        #expect(Timestamp(milliseconds: -1).seconds == -1)
        #expect(Timestamp(milliseconds: -1000).seconds == -1)
        #expect(Timestamp(milliseconds: -1001).seconds == -2)
        #expect(Timestamp(milliseconds: 999).seconds == 0)
        #expect(Timestamp(milliseconds: -1).description == "1969-12-31T23:59:59.999Z")
    }

    @Test func `is a string in JSON`() throws {
        let instant = Timestamp(year: 2026, month: 11, day: 21, hour: 5, minute: 26, second: 34, millisecond: 7)
        #expect(
            String(decoding: try CanonicalJSON.encode([instant]), as: UTF8.self) == "[\"2026-11-21T05:26:34.007Z\"]")
        #expect(throws: Refusal.self) {
            try CanonicalJSON.decode([Timestamp].self, from: Array("[\"yesterday\"]".utf8))
        }
        #expect(throws: Refusal.self) { try CanonicalJSON.decode([Timestamp].self, from: Array("[1763703000]".utf8)) }
    }
}
