/// A piece of HTML that is safe to send: text becomes this only by being escaped, and what is not escaped can only have
/// stood in our own source (`raw` takes a `StaticString`).
package struct HTML: Sendable, Equatable {
    /// The markup itself.
    package private(set) var markup: String

    private init(markup: String) { self.markup = markup }

    package static let empty = HTML(markup: "")

    /// Text from anywhere, escaped for element content.
    package static func text(_ text: String) -> HTML { HTML(markup: escape(text)) }

    /// Markup that stands in our own source, as it is.
    package static func raw(_ markup: StaticString) -> HTML { HTML(markup: markup.description) }

    /// One element with its content. Names come from our source, attributes escape themselves.
    package static func element(_ name: StaticString, _ attributes: [Attribute], _ content: HTML) -> HTML {
        var out = open(name, attributes)
        out += content.markup
        out += "</\(name)>"
        return HTML(markup: out)
    }

    /// An element that never has content and no end tag (`input`, `meta`, …).
    package static func void(_ name: StaticString, _ attributes: [Attribute]) -> HTML {
        HTML(markup: open(name, attributes))
    }

    package static func joined(_ parts: some Sequence<HTML>) -> HTML {
        var all = ""
        for part in parts { all += part.markup }
        return HTML(markup: all)
    }

    package static func + (a: HTML, b: HTML) -> HTML { HTML(markup: a.markup + b.markup) }

    private static func open(_ name: StaticString, _ attributes: [Attribute]) -> String {
        var out = "<\(name)"
        for attribute in attributes { out += attribute.markup }
        return out + ">"
    }

    /// Escapes for element content and for attributes in double quotes alike, so that neither can be mistaken for the
    /// other; control characters that HTML forbids become U+FFFD.
    static func escape(_ text: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): out += Array("&amp;".utf8)
            case UInt8(ascii: "<"): out += Array("&lt;".utf8)
            case UInt8(ascii: ">"): out += Array("&gt;".utf8)
            case UInt8(ascii: "\""): out += Array("&quot;".utf8)
            case UInt8(ascii: "'"): out += Array("&#39;".utf8)
            case 9, 10, 13: out.append(byte)
            case 0..<32, 127: out += Array("\u{FFFD}".utf8)
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
