import Registry
import Wire

/// An inclusion proof as a ladder from the leaf up to the root: on each rung the sibling that the proof gives, and the
/// hash that both give together. Grows with the logarithm of the ledger.
struct ProofPicture {
    let proof: ProofView

    private static let rung = 62.0
    private static let width = 460.0
    private static let box = (width: 132.0, height: 34.0)
    private static let middle = 230.0

    private var height: Double { Double(proof.path.count) * Self.rung + 92 }

    var html: HTML {
        let title = "The way from entry \(proof.entry.index) up to the root of the tree of \(proof.size) entries"
        return Picture.svg(width: Self.width, height: height, classes: "proof", title: title) {
            Picture.arrowHead("proof-arrow", classes: "arrow-head path")
            for (number, step) in proof.path.enumerated() { rung(step, number) }
            node(
                proof.leafHash, "leaf hash of entry \(proof.entry.index)", Self.middle, y(0),
                classes: "proof-node leaf")
            Picture.words(
                "entry \(grouped(proof.entry.index)): its bytes, hashed", Self.middle, y(0) + 54, classes: "proof-note",
                anchor: .middle)
            Picture.words("root, signed in the checkpoint", Self.middle, 14, classes: "proof-note", anchor: .middle)
        }
    }

    /// Top of the box on a level; the root is at the top.
    private func y(_ level: Int) -> Double { Double(proof.path.count - level) * Self.rung + 22 }

    private func rung(_ step: ProofView.Step, _ number: Int) -> HTML {
        let isLeft = step.side == .left
        let siblingX = isLeft ? 70.0 : Self.width - 70
        let (from, to) = (y(number), y(number + 1) + Self.box.height)
        let isRoot = number == proof.path.count - 1
        return group {
            Picture.arrow(
                "M\(Int(Self.middle)) \(Int(from))V\(Int(to) + 4)", head: "proof-arrow", classes: "edge path")
            shape(
                "path", .class("edge"),
                Attribute("d", "M\(Int(siblingX)) \(Int(from))V\(Int(from) - 13)H\(Int(Self.middle))"))
            node(
                step.sibling, "given: the \(step.side.rawValue) sibling", siblingX, from, classes: "proof-node given")
            node(
                step.parent, "computed, covers entries \(step.first) to \(step.end - 1)", Self.middle, y(number + 1),
                classes: isRoot ? "proof-node root" : "proof-node")
        }
    }

    private func node(_ hash: Digest, _ meaning: String, _ center: Double, _ y: Double, classes: String) -> HTML {
        tag("g", .class(classes)) {
            tag("title", text: "\(meaning): \(hash)")
            Picture.box(
                center - Self.box.width / 2, y, Self.box.width, Self.box.height, classes: "proof-box", radius: 6)
            Picture.words(
                String(hash.description.prefix(12)) + "…", center, y + 21, classes: "proof-hash", anchor: .middle)
        }
    }
}
