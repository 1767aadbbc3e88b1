import Testing

@testable import Server

@Suite struct `Markup` {
    /// What has broken out of pages elsewhere.
    static let hostile = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</title><script>",
        "&lt;script&gt;", "\u{0}\u{1}\u{7f}", "<!-- ", "]]>", "javascript:alert(1)", "\u{202E}<b>", "a\"b'c<d>e&f",
    ]

    @Test(arguments: hostile)
    func `keeps hostile text as text`(_ text: String) {
        let markup = tag("p") { text }.markup
        let inner = String(markup.dropFirst(3).dropLast(4))
        #expect(!inner.contains("<") && !inner.contains(">") && !inner.contains("\"") && !inner.contains("'"))
        #expect(!inner.unicodeScalars.contains { $0.value < 32 && ![9, 10, 13].contains($0.value) })
        #expect(markup.hasPrefix("<p>") && markup.hasSuffix("</p>"))
    }

    @Test(arguments: hostile)
    func `keeps hostile text inside its attribute`(_ text: String) {
        let markup = HTML.void("input", [.value(text)]).markup
        #expect(markup.filter { $0 == "\"" }.count == 2)
        #expect(markup.filter { $0 == "<" }.count == 1 && markup.filter { $0 == ">" }.count == 1)
    }

    @Test(arguments: hostile)
    func `keeps hostile text inside one segment or value of an address`(_ text: String) {
        let place = Place("/devices", text, "quarantine").with("q", text)
        let parts = place.text.split(separator: "?", omittingEmptySubsequences: false)
        #expect(parts.count == 2)
        #expect(parts[0].split(separator: "/", omittingEmptySubsequences: false).count == 4)
        #expect(!parts[1].contains("&") && !place.text.contains("\"") && !place.text.contains("#"))
        #expect(place.text.hasPrefix("/devices/"))
    }

    @Test func `escapes exactly once`() {
        #expect(tag("p") { "Fish & <chips>" }.markup == "<p>Fish &amp; &lt;chips&gt;</p>")
        #expect(tag("p") { tag("b") { "&amp;" } }.markup == "<p><b>&amp;amp;</b></p>")
    }

    @Test func `does not let a name climb out of its folder`() {
        #expect(Place("/devices", "..", "x").text == "/devices/%2E%2E/x")
        #expect(Place("/devices", "a/b?c#d").text == "/devices/a%2Fb%3Fc%23d")
        #expect(Place("/devices").with("q", nil).with("stage", "").text == "/devices")
        #expect(Place("/devices").with("q", "ä b").with("stage", "made").text == "/devices?q=%C3%A4%20b&stage=made")
    }

    @Test func `is built from loops and choices`() {
        let list = tag("ul") {
            for number in 1...2 { tag("li") { String(number) } }
            if names.isEmpty { "never" } else { tag("li", text: "end") }
        }
        #expect(list.markup == "<ul><li>1</li><li>2</li><li>end</li></ul>")
    }

    private let names = ["x"]

    @Test func `writes coordinates to a tenth`() {
        #expect(Attribute("x", 10.0).markup == " x=\"10\"")
        #expect(Attribute("x", -0.25).markup == " x=\"-0.3\"")
        #expect(Attribute("x", 3.14159).markup == " x=\"3.1\"")
        #expect(Attribute("x", Double.nan).markup == " x=\"0\"")
    }
}
