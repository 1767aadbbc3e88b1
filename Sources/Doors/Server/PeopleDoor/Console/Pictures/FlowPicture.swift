import Passport
import Registry

/// The life cycle with how many devices stand where: every number leads to the list behind it.
///
/// Drawn twice, wide and tall; the stylesheet shows the one that the window has room for.
struct FlowPicture {
    let counts: [Stage: Int]

    init(_ stages: [FleetView.StageCount]) {
        counts = Dictionary(stages.map { ($0.stage, $0.count) }, uniquingKeysWith: { first, _ in first })
    }

    private static let title = "The life of all devices, from made to retired, with how many stand in each stage"

    var html: HTML { wide + tall }

    private var wide: HTML {
        let head = "flow-wide-arrow"
        return Picture.svg(width: 960, height: 300, classes: "wide", title: Self.title) {
            Picture.arrowHead(head)
            Picture.arrow("M144 102H204", head: head)
            Picture.arrow("M344 102H404", head: head)
            Picture.arrow("M544 92H604", head: head)
            Picture.arrow("M608 114H548", head: head)
            Picture.arrow("M744 102H804", head: head)
            Picture.arrow("M876 60V36Q876 22 862 22H490Q476 22 476 36V56", head: head)
            Picture.arrow("M456 146V202", head: head)
            Picture.arrow("M496 206V150", head: head)
            Picture.arrow("M744 248H804", head: head, classes: "edge dashed")
            label("ship", 174, 94)
            label("pair", 374, 94)
            label("offer", 575, 84)
            label("withdraw", 576, 130)
            label("wiped", 774, 94)
            label("pair again", 676, 16)
            Picture.words("quarantine", 448, 180, classes: "edge-label", anchor: .end)
            Picture.words("restore", 504, 180, classes: "edge-label")
            Picture.words("any stage", 736, 252, classes: "edge-label strong", anchor: .end)
            label("retire", 774, 240)
            node(.made, 4, 60)
            node(.shipped, 208, 60)
            node(.inUse, 408, 60)
            node(.inTransfer, 608, 60)
            node(.claimable, 808, 60)
            node(.quarantined, 408, 206)
            node(.retired, 808, 206)
        }
    }

    private var tall: HTML {
        let head = "flow-tall-arrow"
        return Picture.svg(width: 340, height: 660, classes: "tall", title: Self.title) {
            Picture.arrowHead(head)
            Picture.arrow("M108 88V136", head: head)
            Picture.arrow("M108 226V274", head: head)
            Picture.arrow("M88 364V412", head: head)
            Picture.arrow("M128 416V368", head: head)
            Picture.arrow("M108 502V550", head: head)
            Picture.arrow("M40 597H26Q12 597 12 583V336Q12 322 26 322H36", head: head)
            Picture.arrow("M176 312H200", head: head)
            Picture.arrow("M204 332H180", head: head)
            Picture.arrow("M272 524V550", head: head, classes: "edge dashed")
            Picture.words("ship", 118, 116, classes: "edge-label")
            Picture.words("pair", 118, 254, classes: "edge-label")
            Picture.words("offer", 80, 392, classes: "edge-label", anchor: .end)
            Picture.words("withdraw", 136, 392, classes: "edge-label")
            Picture.words("wiped", 118, 530, classes: "edge-label")
            Picture.words("pair again", 20, 540, classes: "edge-label")
            Picture.words("quarantine", 204, 268, classes: "edge-label")
            Picture.words("restore", 204, 380, classes: "edge-label")
            Picture.words("any stage", 272, 500, classes: "edge-label strong", anchor: .middle)
            Picture.words("retire", 272, 516, classes: "edge-label", anchor: .middle)
            node(.made, 40, 4)
            node(.shipped, 40, 140)
            node(.inUse, 40, 278)
            node(.inTransfer, 40, 416)
            node(.claimable, 40, 554)
            node(.quarantined, 204, 278)
            node(.retired, 204, 554)
        }
    }

    private func label(_ text: String, _ x: Double, _ y: Double) -> HTML {
        Picture.words(text, x, y, classes: "edge-label", anchor: .middle)
    }

    private func node(_ stage: Stage, _ x: Double, _ y: Double) -> HTML {
        let count = counts[stage] ?? 0
        let accessible = "\(stage.title): \(counted(count, "device", "devices"))"
        return link(
            Place("/devices").with("stage", stage.rawValue), .class("node \(stage.colorClass)"), .label(accessible)
        ) {
            tag("title", text: "\(stage.title): \(stage.meaning)")
            Picture.box(x, y, 136, 84, classes: "node-box")
            Picture.box(x + 10, y + 60, 116, 4, classes: "node-mark", radius: 2)
            Picture.words(
                grouped(count), x + 68, y + 31, classes: count > 999_999 ? "node-count long" : "node-count",
                anchor: .middle)
            Picture.words(stage.title, x + 68, y + 51, classes: "node-name", anchor: .middle)
        }
    }
}
