import Passport
import Registry
import Wire

/// What several pages show in the same way.
enum Pieces {
    static func badge(_ stage: Stage, large: Bool = false) -> HTML {
        tag(
            "span", .class("badge \(stage.colorClass)" + (large ? " large" : "")), Attribute("title", stage.meaning)
        ) { stage.title }
    }

    /// A name that is too long for its place: shown short, whole in its title.
    static func short(_ text: String, to length: Int = 12) -> HTML {
        tag("span", .class("mono"), Attribute("title", text)) { shortened(text, to: length) }
    }

    static func device(_ serial: String?, _ id: DeviceID?) -> HTML {
        guard let name = serial ?? id?.text else { return .text("the house") }
        return link(Place("/devices", name), .class("serial"), Attribute("title", name)) { middleCut(name, to: 28) }
    }

    static func facts(_ rows: [(name: String, value: HTML)]) -> HTML {
        tag("dl", .class("facts")) {
            for row in rows {
                tag("dt", text: row.name)
                tag("dd") { row.value }
            }
        }
    }

    /// A table that scrolls within itself where the window is narrower; it can be scrolled with the keyboard too.
    static func table(_ title: String, columns: [String], numbers: Set<Int> = [], @HTMLBuilder rows: () -> HTML) -> HTML
    {
        tag("div", .class("scroll"), Attribute("tabindex", 0), Attribute("role", "region"), .label(title)) {
            tag("table") {
                tag("thead") {
                    tag("tr") {
                        for (number, column) in columns.enumerated() {
                            if numbers.contains(number) {
                                tag("th", .class("number"), Attribute("scope", "col"), text: column)
                            } else {
                                tag("th", Attribute("scope", "col"), text: column)
                            }
                        }
                    }
                }
                tag("tbody", content: rows)
            }
        }
    }

    static func empty(_ said: String, @HTMLBuilder todo: () -> HTML) -> HTML {
        tag("div", .class("empty")) {
            tag("p", .class("said"), text: said)
            tag("p") { todo() }
        }
    }

    static func done(_ sentence: String) -> HTML {
        tag("div", .class("notice done"), Attribute("role", "status")) { tag("p", text: sentence) }
    }

    /// One alarm that waits for somebody, with the button that closes it if this person may.
    static func alarm(_ alarm: AlarmView, session: PeopleSession, now: Timestamp, backTo: String) -> HTML {
        tag("li") {
            tag("div", .class("what")) {
                tag("p") {
                    tag("span", .class("title"), text: alarm.alarm.title)
                    " · "
                    device(alarm.serial, alarm.device)
                    " "
                    tag("span", .class("quiet")) { Times.brief(alarm.at, now: now) }
                }
                tag("p", .class("soft"), text: alarm.meaning)
                if alarm.detail != alarm.meaning { tag("p", .class("soft"), text: alarm.detail) }
            }
            if let at = alarm.acknowledgedAt {
                tag("span", .class("quiet")) {
                    "acknowledged "
                    Times.brief(at, now: now)
                }
            } else if Access.allows(AcknowledgeAlarm.permission, session.principal) {
                Forms.form(to: Place("/alarms", String(alarm.index), "acknowledge"), session: session) {
                    HTML.void("input", [.type("hidden"), .name("back"), .value(backTo)])
                    tag(
                        "button", .class("small"), .type("submit"),
                        .label("Acknowledge: \(alarm.alarm.title), \(alarm.serial ?? "entry \(alarm.index)")")
                    ) { "Acknowledge" }
                }
            }
        }
    }
}
