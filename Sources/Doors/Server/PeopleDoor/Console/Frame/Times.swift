import Registry
import Wire

/// Instants and spans as the console writes them: UTC always, with how long ago beside it.
enum Times {
    /// IEEE 802.1AR §8.7 and RFC 5280 §4.1.2.5: this instant means "no end".
    static let noEnd = Timestamp(year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59)

    /// "2026-11-21 05:26:34 UTC"
    static func utc(_ at: Timestamp) -> String {
        let text = at.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
    }

    /// "2026-11-21"
    static func day(_ at: Timestamp) -> String { String(at.description.prefix(10)) }

    /// "05:26:34"
    static func clock(_ at: Timestamp) -> String { String(at.description.dropFirst(11).prefix(8)) }

    /// "3 min ago", "in 80 days".
    static func relative(_ at: Timestamp, now: Timestamp) -> String {
        let seconds = at.seconds(since: now)
        if abs(seconds) < 2 { return "just now" }
        return seconds < 0 ? "\(span(-seconds)) ago" : "in \(span(seconds))"
    }

    /// The largest whole unit: "45 s", "12 min", "5 h", "80 days", "3 years".
    static func span(_ seconds: Int64) -> String { Sentences.span(seconds) }

    /// The instant with its hint.
    static func element(_ at: Timestamp, now: Timestamp) -> HTML {
        if at.seconds(since: noEnd) >= 0 { return .text("no end") }
        return tag("time", Attribute("datetime", at.description)) { utc(at) }
            + tag("span", .class("ago"), text: " " + relative(at, now: now))
    }

    /// The hint alone, with the instant in its title: for narrow columns.
    static func brief(_ at: Timestamp?, now: Timestamp) -> HTML {
        guard let at else { return tag("span", .class("quiet"), text: "never") }
        return tag("time", Attribute("datetime", at.description), Attribute("title", utc(at))) {
            relative(at, now: now)
        }
    }
}
