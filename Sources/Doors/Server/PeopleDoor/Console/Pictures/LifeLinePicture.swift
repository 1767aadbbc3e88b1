import Passport
import Registry
import Wire

/// The life line from the factory to now: a band a stage, a mark an event. Bands are longer the longer they lasted, but
/// not to scale, so that ten seconds in the factory and ten years in use are both readable.
struct LifeLinePicture {
    let line: LifeLine

    private var title: String {
        let words = line.stretches.map { "\($0.stage.title) from \(Times.day($0.from))" }
        return "Life line: " + words.joined(separator: ", ")
    }

    var html: HTML {
        if line.stretches.isEmpty { return .empty }
        return tag("div", .class("scroll"), Attribute("tabindex", 0), .label("Life line")) { wide } + tall
    }

    private static let least = 104.0

    private var wide: HTML {
        let total = max(960, Self.least * Double(line.stretches.count) + 8)
        let widths = LifeLine.widths(line.stretches, total: total - 8, least: Self.least)
        var x = 4.0
        var parts: [HTML] = []
        for (number, stretch) in line.stretches.enumerated() {
            let isLast = number == line.stretches.count - 1
            parts.append(band(stretch, x: x, width: widths[number], isLast: isLast))
            x += widths[number]
        }
        let classes = total > 960 ? "wide life-line long" : "wide life-line"
        return Picture.svg(width: total, height: 132, classes: classes, title: title) { HTML.joined(parts) }
    }

    private func band(_ stretch: LifeLine.Stretch, x: Double, width: Double, isLast: Bool) -> HTML {
        tag("g", .class(stretch.stage.colorClass)) {
            tag("title", text: description(of: stretch, isLast: isLast))
            shape("path", .class("tick"), Attribute("d", "M\(Int(x) + 1) 28V46"))
            Picture.words(spaced(stretch.begunBy), x + 1, 20, classes: "life-event")
            Picture.box(x + 1, 46, width - 3, 42, classes: "life-band", radius: 5)
            Picture.words(stretch.stage.title, x + 10, 66, classes: "life-stage")
            marks(stretch, x: x, width: width)
            Picture.words(Times.day(stretch.from), x + 1, 108, classes: "life-date")
            Picture.words(
                "\(Times.clock(stretch.from)), \(duration(of: stretch))" + (isLast ? " so far" : ""), x + 1, 123,
                classes: "life-date")
        }
    }

    /// Events as dots below the stage's name, where in the stretch they happened; those that would touch become one.
    private func marks(_ stretch: LifeLine.Stretch, x: Double, width: Double) -> HTML {
        let length = max(1, Double(stretch.to.milliseconds - stretch.from.milliseconds))
        var places: [(x: Double, marks: [LifeLine.Mark])] = []
        for mark in stretch.events {
            let share = Double(mark.at.milliseconds - stretch.from.milliseconds) / length
            let at = x + 12 + (width - 26) * min(1, max(0, share))
            if let last = places.last, at - last.x < 9 {
                places[places.count - 1].marks.append(mark)
            } else {
                places.append((at, [mark]))
            }
        }
        return HTML.joined(
            places.map { place in
                let first = place.marks[0]
                let titled = place.marks.prefix(12).map { "\(Times.utc($0.at)): \($0.sentence)" }.joined(
                    separator: "\n")
                return link(Place("/ledger", String(first.index)), .label(first.sentence)) {
                    tag(
                        "circle", .class("life-mark"), Attribute("cx", place.x), Attribute("cy", 78),
                        Attribute("r", place.marks.count > 1 ? 4 : 3)
                    ) { tag("title", text: titled) }
                }
            })
    }

    private var tall: HTML {
        let step = 58.0
        let height = step * Double(line.stretches.count) + 4
        return Picture.svg(width: 340, height: height, classes: "tall life-line", title: title) {
            for (number, stretch) in line.stretches.enumerated() {
                row(stretch, y: Double(number) * step + 2, isLast: number == line.stretches.count - 1)
            }
        }
    }

    private func row(_ stretch: LifeLine.Stretch, y: Double, isLast: Bool) -> HTML {
        tag("g", .class(stretch.stage.colorClass)) {
            Picture.box(2, y, 12, 54, classes: "life-band", radius: 4)
            Picture.words(stretch.stage.title, 26, y + 17, classes: "life-stage-tall")
            Picture.words(
                "\(duration(of: stretch))" + (isLast ? " so far" : ""), 338, y + 17, classes: "life-date", anchor: .end)
            Picture.words(
                "\(spaced(stretch.begunBy)), \(Times.utc(stretch.from))", 26, y + 35, classes: "life-date")
            if !stretch.events.isEmpty {
                Picture.words(
                    "then \(counted(stretch.events.count, "event", "events"))", 26, y + 50, classes: "life-date")
            }
        }
    }

    private func duration(of stretch: LifeLine.Stretch) -> String {
        Times.span(stretch.to.seconds(since: stretch.from))
    }

    private func description(of stretch: LifeLine.Stretch, isLast: Bool) -> String {
        "\(stretch.stage.title): from \(Times.utc(stretch.from)) \(isLast ? "until now" : "to " + Times.utc(stretch.to)), "
            + "\(duration(of: stretch)), \(counted(stretch.events.count, "event", "events")). \(stretch.stage.meaning)"
    }
}
