import Foundation
import Wire

/// Hours of the day, on some days of the week, in the device's own time, in which it may be offered an update.
package struct MaintenanceWindow: Codable, Sendable, Equatable {
    /// On which days it begins, 1 for Monday to 7 for Sunday; on all of them if it is missing.
    package var days: [Int]?
    /// Minutes since midnight, 0 to 1439. An end at or before the beginning is on the next day.
    package var from: Int
    package var to: Int
    /// For devices that do not say where they are: "UTC", "+02:00" or "Europe/Berlin".
    package var zone: String

    package init(days: [Int]? = nil, from: Int, to: Int, zone: String = "UTC") {
        self.days = days
        self.from = from
        self.to = to
        self.zone = zone
    }

    /// What a device calls its time zone in its posture.
    package static let postureKey = "timeZone"

    package func demandBounds() throws(Refusal) {
        guard (0..<1440).contains(from), (0..<1440).contains(to), from != to,
            days.map({ (1...7).contains($0.count) && $0.allSatisfy((1...7).contains) }) ?? true
        else {
            throw Refusal(
                .malformed, "The maintenance window is no part of a day.",
                hint: "Give from and to in minutes from 0 to 1439, which differ, and days from 1 (Monday) to 7.",
                rule: "rollout: plan")
        }
        guard DeviceZone(zone) != nil else {
            throw Refusal(
                .malformed, "\"\(zone.prefix(64))\" is no time zone.",
                hint: "Use UTC, an offset such as +02:00, or a name such as Europe/Berlin.", rule: "rollout: plan")
        }
    }

    /// The zone that the device named, if it is one, else the window's.
    package func zone(of device: String?) -> DeviceZone {
        device.flatMap { DeviceZone($0) } ?? DeviceZone(zone) ?? .utc
    }

    package func isOpen(at now: Timestamp, in zone: DeviceZone) -> Bool {
        let local = zone.local(now)
        let (day, minute) = (Self.day(of: local), Self.minute(of: local))
        guard from >= to else { return begins(on: day) && (from..<to).contains(minute) }
        return (begins(on: day) && minute >= from) || (begins(on: day - 1) && minute < to)
    }

    /// The first instant from `now` on at which it is open. In the hour that a clock leaves out it may be found up to an hour late.
    package func opening(from now: Timestamp, in zone: DeviceZone) -> Timestamp {
        if isOpen(at: now, in: zone) { return now }
        let today = Self.day(of: zone.local(now))
        for day in today...today + 8 where begins(on: day) {
            let local = Timestamp(seconds: day * 86_400 + Int64(from) * 60)
            // The clock may be changed on that day: it is one of the two offsets around it.
            let candidates = [Int64(-1), 1].map { side in
                local.adding(seconds: -zone.offsetSeconds(at: local.adding(days: side)))
            }
            let found = candidates.sorted().first { $0 >= now && isOpen(at: $0, in: zone) }
            if let found { return found }
        }
        // A window that the change of the clock swallowed whole, of one day a week.
        return now.adding(days: 1)
    }

    private func begins(on day: Int64) -> Bool {
        // 1 January 1970 was a Thursday.
        days?.contains(Int(((day + 3) % 7 + 7) % 7) + 1) ?? true
    }

    /// Of a local time, written as if it were UTC.
    private static func day(of local: Timestamp) -> Int64 {
        let seconds = local.seconds
        return seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    }

    private static func minute(of local: Timestamp) -> Int { Int((local.seconds - day(of: local) * 86_400) / 60) }
}

/// A time zone: a fixed offset, or one by its name in the IANA database with its summer times.
package struct DeviceZone: Sendable, Equatable {
    private enum Kind: Equatable {
        case fixed(Int64)
        case named(TimeZone)
    }
    private let kind: Kind
    package static let utc = DeviceZone(kind: .fixed(0))
    private init(kind: Kind) { self.kind = kind }

    /// "UTC", "Z", "+02:00", "-0330" or "Europe/Berlin"; nil for anything else.
    package init?(_ name: String) {
        guard (1...64).contains(name.utf8.count) else { return nil }
        if name == "UTC" || name == "Z" {
            self = .utc
        } else if let offset = Self.offset(name) {
            kind = .fixed(offset)
        } else if name.utf8.allSatisfy(Self.isOfName), let zone = TimeZone(identifier: name) {
            kind = .named(zone)
        } else {
            return nil
        }
    }

    /// Letters first: what else Foundation takes for a name ("GMT+2") is no name of the database.
    private static func isOfName(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (97...122).contains(byte) || byte == 47 || byte == 95 || byte == 45
    }

    private static func offset(_ name: String) -> Int64? {
        let bytes = Array(name.utf8)
        guard let sign = bytes.first, sign == 43 || sign == 45 else { return nil }
        let digits = bytes.dropFirst().filter { $0 != 58 }
        guard digits.count == 4, digits.allSatisfy({ (48...57).contains($0) }), bytes.count == 5 || bytes[3] == 58,
            bytes.count <= 6
        else { return nil }
        let number = digits.map { Int64($0 - 48) }
        let (hours, minutes) = (number[0] * 10 + number[1], number[2] * 10 + number[3])
        guard hours <= 14, minutes < 60 else { return nil }
        return (sign == 45 ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    package func offsetSeconds(at instant: Timestamp) -> Int64 {
        switch kind {
        case .fixed(let seconds): seconds
        case .named(let zone):
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant.milliseconds) / 1000)))
        }
    }

    /// What a clock there shows, written as if it were UTC.
    func local(_ instant: Timestamp) -> Timestamp { instant.adding(seconds: offsetSeconds(at: instant)) }
}
