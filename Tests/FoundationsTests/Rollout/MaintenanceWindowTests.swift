import Rollout
import Testing
import Wire

@Suite struct `A maintenance window` {
    private let night = MaintenanceWindow(from: 120, to: 300, zone: "Europe/Berlin")

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    @Test(arguments: [
        // Winter: local is an hour ahead; summer: two.
        ("2026-01-10T00:59:59Z", false), ("2026-01-10T01:00:00Z", true), ("2026-01-10T03:59:59Z", true),
        ("2026-01-10T04:00:00Z", false), ("2026-07-10T00:00:00Z", true), ("2026-07-10T03:00:00Z", false),
        // 29 March: at 02:00 the clock goes to 03:00, so that the window begins an hour late.
        ("2026-03-29T00:59:59Z", false), ("2026-03-29T01:00:00Z", true), ("2026-03-29T03:00:00Z", false),
        // 25 October: 02:00 to 03:00 comes twice, and both are inside.
        ("2026-10-25T00:00:00Z", true), ("2026-10-25T01:30:00Z", true), ("2026-10-25T03:59:59Z", true),
        ("2026-10-25T04:00:00Z", false),
    ]) func `is open by the clock on the wall`(_ text: String, _ isOpen: Bool) throws {
        #expect(try night.isOpen(at: time(text), in: night.zone(of: nil)) == isOpen)
    }

    @Test func `opens next when the clock on the wall says so`() throws {
        let berlin = night.zone(of: nil)
        for (from, opening) in [
            ("2026-01-10T12:00:00Z", "2026-01-11T01:00:00.000Z"), ("2026-07-10T12:00:00Z", "2026-07-11T00:00:00.000Z"),
            ("2026-03-28T12:00:00Z", "2026-03-29T01:00:00.000Z"), ("2026-10-24T12:00:00Z", "2026-10-25T00:00:00.000Z"),
            ("2026-01-10T02:30:00Z", "2026-01-10T02:30:00.000Z"),
        ] {
            #expect(try night.opening(from: time(from), in: berlin).description == opening, "\(from)")
        }
    }

    @Test func `goes past midnight, on the days on which it begins`() throws {
        let weekend = MaintenanceWindow(days: [6, 7], from: 23 * 60, to: 60)
        let utc = DeviceZone.utc
        // 21 November 2026 is a Saturday.
        for (text, isOpen) in [
            ("2026-11-20T23:30:00Z", false), ("2026-11-21T00:30:00Z", false), ("2026-11-21T23:30:00Z", true),
            ("2026-11-22T00:30:00Z", true), ("2026-11-22T23:00:00Z", true), ("2026-11-23T00:59:59Z", true),
            ("2026-11-23T01:00:00Z", false), ("2026-11-23T23:30:00Z", false),
        ] {
            #expect(try weekend.isOpen(at: time(text), in: utc) == isOpen, "\(text)")
        }
        #expect(try weekend.opening(from: time("2026-11-23T02:00:00Z"), in: utc) == time("2026-11-28T23:00:00Z"))
    }

    /// Looked for minute by minute, in zones that change their clocks, by half an hour too, and in one that does not.
    @Test(arguments: ["UTC", "+05:45", "-09:30", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
    func `opens no later than a look at every minute finds`(_ name: String) throws {
        let zone = try #require(DeviceZone(name))
        let windows = [
            MaintenanceWindow(from: 120, to: 180), MaintenanceWindow(from: 90, to: 95),
            MaintenanceWindow(days: [7], from: 23 * 60 + 30, to: 30),
        ]
        for window in windows {
            for day in [(3, 7), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31), (6, 15)] {
                let start = Timestamp(year: 2026, month: day.0, day: day.1, hour: 7, minute: 13)
                let found = window.opening(from: start, in: zone)
                #expect(found >= start && window.isOpen(at: found, in: zone), "\(name) \(start)")
                var minute = start
                while minute < found, !window.isOpen(at: minute, in: zone) { minute = minute.adding(seconds: 60) }
                #expect(
                    found.seconds(since: minute) < 60 || found.seconds(since: minute) <= 3600 && name != "UTC",
                    "\(name) \(start): \(found), \(minute)")
            }
        }
    }

    @Test func `is in the zone that the device named, if it is one`() {
        let window = MaintenanceWindow(from: 0, to: 60, zone: "+01:00")
        #expect(window.zone(of: "-0330") == DeviceZone("-03:30") && window.zone(of: nil) == DeviceZone("+01:00"))
        for junk in [
            "", "Mars/Base", "+25:00", "+1:00", "+01:0", "../../etc/passwd", "GMT+2", "+0١:00",
            String(repeating: "a", count: 99),
        ] {
            #expect(DeviceZone(junk) == nil, "\(junk)")
            #expect(window.zone(of: junk) == DeviceZone("+01:00"))
        }
    }

    @Test(arguments: [
        MaintenanceWindow(from: -1, to: 60), .init(from: 0, to: 1440), .init(from: 60, to: 60),
        .init(days: [], from: 0, to: 60), .init(days: [0], from: 0, to: 60), .init(days: [8], from: 0, to: 60),
        .init(from: 0, to: 60, zone: "Mars"),
    ]) func `is refused if it is none`(_ window: MaintenanceWindow) {
        #expect(throws: Refusal.self) { try window.demandBounds() }
    }
}
