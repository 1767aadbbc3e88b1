import Registry
import Wire

/// One chain of certificates, root first: who vouches for whom.
struct ChainPicture {
    struct Link: Equatable {
        var role: String
        var name: String
        var serial: String
        var until: String
        var state: CertificateView.State
        var note: String?
    }

    let title: String
    /// Root first. An empty place is drawn as what is missing.
    let links: [Link]
    /// Words in the last place when there is no certificate there.
    var missing: String?

    private var places: Int { links.count + (missing == nil ? 0 : 1) }

    /// Unique per drawing on one page.
    let id: StaticString

    var html: HTML { drawing(wide: true) + drawing(wide: false) }

    private static let boxWidth = 290.0
    private static let boxHeight = 92.0

    private func drawing(wide: Bool) -> HTML {
        let head = "chain-\(id)-\(wide ? "wide" : "tall")"
        let gap = wide ? 45.0 : 30.0
        let across = wide ? Self.boxWidth * 3 + gap * 2 : Self.boxWidth
        let down = wide ? Self.boxHeight : Self.boxHeight * Double(places) + gap * Double(places - 1)
        return Picture.svg(
            width: across, height: down, classes: wide ? "wide chain" : "tall chain narrow", title: title
        ) {
            Picture.arrowHead(head)
            for number in 0..<places {
                let x = wide ? Double(number) * (Self.boxWidth + gap) : 0
                let y = wide ? 0 : Double(number) * (Self.boxHeight + gap)
                if number > 0 { arrow(wide, x, y, gap, head) }
                if number < links.count { box(links[number], x, y) } else { emptyBox(x, y) }
            }
        }
    }

    private func arrow(_ wide: Bool, _ x: Double, _ y: Double, _ gap: Double, _ head: String) -> HTML {
        if wide {
            let middle = Int(Self.boxHeight / 2)
            return group {
                Picture.arrow("M\(Int(x - gap) + 4) \(middle)H\(Int(x) - 4)", head: head)
                Picture.words("signs", x - gap / 2, Double(middle) - 8, classes: "edge-label", anchor: .middle)
            }
        }
        return group {
            Picture.arrow("M28 \(Int(y - gap) + 4)V\(Int(y) - 4)", head: head)
            Picture.words("signs", 38, y - gap / 2 + 4, classes: "edge-label")
        }
    }

    private func box(_ link: Link, _ x: Double, _ y: Double) -> HTML {
        let isBad = link.state != .good
        return tag("g") {
            tag(
                "title",
                text: "\(link.role): \(link.name), serial \(link.serial), \(link.state.rawValue), \(link.until)")
            Picture.box(
                x + 1, y + 1, Self.boxWidth - 2, Self.boxHeight - 2, classes: isBad ? "card-box bad" : "card-box")
            Picture.words(link.role, x + 14, y + 24, classes: "chain-role")
            Picture.words(
                link.state.rawValue, x + Self.boxWidth - 14, y + 24, classes: isBad ? "chain-state bad" : "chain-state",
                anchor: .end)
            Picture.words(middleCut(link.name, to: 33), x + 14, y + 45, classes: "chain-name")
            Picture.words("serial " + middleCut(link.serial, to: 28), x + 14, y + 63, classes: "chain-small mono")
            Picture.words(link.until, x + 14, y + 80, classes: "chain-small")
        }
    }

    private func emptyBox(_ x: Double, _ y: Double) -> HTML {
        group {
            Picture.box(x + 1, y + 1, Self.boxWidth - 2, Self.boxHeight - 2, classes: "card-box missing")
            Picture.words(missing ?? "", x + 14, y + 52, classes: "chain-small")
        }
    }
}
