/// Lets pages be written as nested Swift blocks: strings are escaped, HTML stands as it is.
@resultBuilder
package enum HTMLBuilder {
    package static func buildExpression(_ text: String) -> HTML { .text(text) }
    package static func buildExpression(_ html: HTML) -> HTML { html }
    package static func buildExpression(_ html: HTML?) -> HTML { html ?? .empty }
    package static func buildBlock() -> HTML { .empty }
    package static func buildPartialBlock(first: HTML) -> HTML { first }
    package static func buildPartialBlock(accumulated: HTML, next: HTML) -> HTML { accumulated + next }
    package static func buildOptional(_ html: HTML?) -> HTML { html ?? .empty }
    package static func buildEither(first html: HTML) -> HTML { html }
    package static func buildEither(second html: HTML) -> HTML { html }
    package static func buildArray(_ parts: [HTML]) -> HTML { .joined(parts) }
}

/// An element: `tag("p", .class("hint")) { "text" }`.
func tag(_ name: StaticString, _ attributes: Attribute..., @HTMLBuilder content: () -> HTML) -> HTML {
    .element(name, attributes, content())
}

/// An element with no content but its text.
func tag(_ name: StaticString, _ attributes: Attribute..., text: String) -> HTML {
    .element(name, attributes, .text(text))
}

/// An element whose attributes were put together elsewhere.
func tag(_ name: StaticString, all attributes: [Attribute], @HTMLBuilder content: () -> HTML) -> HTML {
    .element(name, attributes, content())
}

/// An empty element that SVG closes and HTML allows: `<path …></path>`.
func shape(_ name: StaticString, _ attributes: Attribute...) -> HTML { .element(name, attributes, .empty) }

/// A link within the console.
func link(_ place: Place, _ attributes: Attribute..., @HTMLBuilder content: () -> HTML) -> HTML {
    .element("a", [.href(place)] + attributes, content())
}

func link(_ place: Place, _ text: String) -> HTML { .element("a", [.href(place)], .text(text)) }

/// A block without an element of its own.
func group(@HTMLBuilder _ content: () -> HTML) -> HTML { content() }
