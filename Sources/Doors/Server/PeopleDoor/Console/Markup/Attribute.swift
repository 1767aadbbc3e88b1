/// One attribute: its name from our source, its value escaped. Event handlers and inline styles have no way in: the
/// content security policy forbids both.
package struct Attribute: Sendable, Equatable {
    /// With its leading blank, ready to stand in a tag.
    let markup: String

    package init(_ name: StaticString, _ value: String) {
        markup = " \(name)=\"\(HTML.escape(value))\""
    }

    package init(_ name: StaticString, _ value: Int) { self.init(name, String(value)) }

    /// A coordinate in a picture, to a tenth.
    package init(_ name: StaticString, _ value: Double) {
        let tenths = (value * 10).rounded()
        guard tenths.isFinite, abs(tenths) < 1e9 else {
            self.init(name, "0")
            return
        }
        let whole = Int(tenths)
        let sign = whole < 0 ? "-" : ""
        let digits = whole.magnitude
        self.init(name, digits % 10 == 0 ? "\(sign)\(digits / 10)" : "\(sign)\(digits / 10).\(digits % 10)")
    }

    private init(flag name: StaticString) { markup = " \(name)" }

    package static func flag(_ name: StaticString) -> Attribute { Attribute(flag: name) }

    package static func `class`(_ names: String) -> Attribute { Attribute("class", names) }
    package static func id(_ name: String) -> Attribute { Attribute("id", name) }
    package static func href(_ place: Place) -> Attribute { Attribute("href", place.text) }
    package static func action(_ place: Place) -> Attribute { Attribute("action", place.text) }
    package static func type(_ name: String) -> Attribute { Attribute("type", name) }
    package static func name(_ name: String) -> Attribute { Attribute("name", name) }
    package static func value(_ text: String) -> Attribute { Attribute("value", text) }
    package static func label(_ text: String) -> Attribute { Attribute("aria-label", text) }
}
