import Passport
import Registry
import Rollout

/// A rollout's stages, a bar each, and what its failures say: the share with its 95 % band beside the line at which it stops.
struct RolloutPicture {
    let view: RolloutView

    private static let (left, length) = (118.0, 430.0)

    /// What a bar shows, in order, with the class of its colour.
    private static let parts: [(state: RolloutMember.State, name: String)] = [
        (.done, "done"), (.soaking, "soaking"), (.failed, "failed"), (.silent, "silent"), (.offered, "offered"),
        (.waiting, "waiting"), (.asleep, "asleep"),
    ]

    var stages: HTML {
        let height = Double(view.counts.count) * 50 + 4
        return Picture.svg(width: 560, height: height, classes: "rollout", title: "The stages of the rollout") {
            for (number, counts) in view.counts.enumerated() { bar(number, counts) }
        }
    }

    private func bar(_ number: Int, _ counts: RolloutCounts) -> HTML {
        let y = Double(number) * 50 + 4
        let all = Double(max(1, counts.all - counts.left))
        var x = Self.left
        return tag("g", .label("Stage \(number + 1): \(Self.said(counts))")) {
            tag("title", text: Self.said(counts))
            Picture.words("Stage \(number + 1)", 4, y + 17, classes: number + 1 == view.stage ? "rollout-open" : "")
            Picture.words(
                "up to \(Sentences.percent(view.plan.stages[number].share))", 4, y + 34, classes: "rollout-small")
            Picture.box(Self.left, y, Self.length, 22, classes: "rollout-part", radius: 4)
            HTML.joined(
                Self.parts.filter { counts[$0.state] > 0 }.map { part in
                    let width = Self.length * Double(counts[part.state]) / all
                    defer { x += width }
                    return Picture.box(x, y, width, 22, classes: "rollout-part \(part.name)", radius: 0)
                })
            Picture.words(Self.said(counts), Self.left, y + 37, classes: "rollout-small")
        }
    }

    /// "12 done, 3 soaking"
    static func said(_ counts: RolloutCounts) -> String {
        let found = parts.filter { counts[$0.state] > 0 }.map { "\(grouped(counts[$0.state])) \($0.name)" }
        return found.isEmpty ? "nobody yet" : found.joined(separator: ", ")
    }

    /// The share of the open stage and that of all, on one axis that ends at three times the line, or where a band does. A share of
    /// too few answers has no band, because nothing can be concluded from it.
    var shares: HTML {
        let all = [("Stage \(view.stage)", view.ofStage), ("All stages", view.ofAll)]
        let line = view.plan.failureLine
        let most = all.map { $0.1.isTooFew ? 0 : $0.1.upper }.max() ?? 0
        let end = Double(min(RolloutPlan.whole, max(line * 3, most)))
        func x(_ parts: Int) -> Double { Self.left + Self.length * min(1, Double(parts) / end) }
        return Picture.svg(width: 560, height: 96, classes: "rollout", title: "The failure shares beside their line") {
            for (number, row) in all.enumerated() {
                let y = 10 + Double(number) * 34
                let share = row.1
                let at = share.answers == 0 ? 0 : share.failures * RolloutPlan.whole / share.answers
                Picture.words(row.0, 4, y + 15, classes: "")
                Picture.box(Self.left, y, Self.length, 22, classes: "rollout-part", radius: 4)
                if !share.isTooFew {
                    Picture.box(
                        x(share.lower), y, max(2, x(share.upper) - x(share.lower)), 22, classes: "rollout-band",
                        radius: 0)
                    Picture.box(x(at) - 1.5, y, 3, 22, classes: "rollout-share", radius: 0)
                }
            }
            Picture.box(x(line) - 1, 4, 2, 68, classes: "rollout-line", radius: 0)
            Picture.words(
                "stops at \(Sentences.percent(line))", x(line), 88, classes: "rollout-small", anchor: .middle)
        }
    }
}
