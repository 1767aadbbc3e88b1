/// What the pictures have in common: plain SVG whose colours come from the stylesheet's classes.
enum Picture {
    /// A picture with a sentence for those who cannot see it. Its links stay links.
    static func svg(
        width: Double, height: Double, classes: String, title: String, @HTMLBuilder content: () -> HTML
    ) -> HTML {
        .element(
            "svg",
            [
                .class("picture " + classes), Attribute("viewBox", "0 0 \(Int(width)) \(Int(height))"),
                Attribute("role", "group"), .label(title), Attribute("xmlns", "http://www.w3.org/2000/svg"),
            ],
            content())
    }

    /// The arrow head of this drawing; each drawing has its own, because a hidden drawing's marker is hidden with it.
    static func arrowHead(_ id: String, classes: String = "arrow-head") -> HTML {
        tag("defs") {
            tag(
                "marker", .id(id), Attribute("viewBox", "0 0 8 8"), Attribute("refX", 7), Attribute("refY", 4),
                Attribute("markerWidth", 7), Attribute("markerHeight", 7), Attribute("orient", "auto-start-reverse")
            ) { shape("path", .class(classes), Attribute("d", "M0 0.5 8 4 0 7.5z")) }
        }
    }

    static func arrow(_ path: String, head: String, classes: String = "edge") -> HTML {
        shape("path", .class(classes), Attribute("d", path), Attribute("marker-end", "url(#\(head))"))
    }

    static func box(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, classes: String, radius: Double = 8
    ) -> HTML {
        shape(
            "rect", .class(classes), Attribute("x", x), Attribute("y", y), Attribute("width", width),
            Attribute("height", height), Attribute("rx", radius))
    }

    static func words(_ text: String, _ x: Double, _ y: Double, classes: String, anchor: Anchor = .start) -> HTML {
        tag("text", .class(classes + anchor.rawValue), Attribute("x", x), Attribute("y", y)) { text }
    }

    enum Anchor: String {
        case start = ""
        case middle = " middle"
        case end = " end"
    }
}
