import Foundation
import Trust
import Wire

/// What is printed for one unit. The QR picture holds serial and label code; the pairing secret is for the owner's eyes.
package struct Label: Codable, Sendable, Equatable {
    package var product: ProductID
    package var serial: String
    /// 8 characters of Crockford's base 32.
    package var code: String
    /// "ABCD-EFGH-JKMN-PQRS"; nil for batches without pairing secrets.
    package var secret: String?

    package init(product: ProductID, serial: String, code: String, secret: String?) {
        self.product = product
        self.serial = serial
        self.code = code
        self.secret = secret
    }

    /// What a phone reads. Capitals, digits, hyphens and colons only, so that the picture stays small (alphanumeric mode).
    package var payload: String { "LIFELONG:1:\(serial):\(code)" }

    /// A label of 62 by 29 millimetres (a common roll), with itself as JSON in the metadata.
    package func svg() throws -> String {
        let picture = try QRCode(payload)
        let side = 25.0
        let scale = side / Double(picture.width + 2 * QRCode.quietZone)
        let lines =
            [("Product", product.text), ("Serial", serial), ("Code", code)] + (secret.map { [("Secret", $0)] } ?? [])
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" width="62mm" height="29mm" viewBox="0 0 62 29">
            <metadata>\(Self.escape(String(decoding: try CanonicalJSON.encode(self), as: UTF8.self)))</metadata>
            <rect width="62" height="29" fill="#fff"/>
            <path transform="translate(1 2) scale(\(scale))" shape-rendering="crispEdges" d="\(picture.path)"/>

            """
        for (at, line) in lines.enumerated() {
            let y = 5.0 + Double(at) * 6.2
            out +=
                "<text x=\"27\" y=\"\(y)\" font-family=\"sans-serif\" font-size=\"1.8\" fill=\"#444\">\(line.0)</text>\n"
            out +=
                "<text x=\"27\" y=\"\(y + 2.9)\" font-family=\"monospace\" font-weight=\"bold\" "
                + "font-size=\"\(Self.size(line.1))\">\(Self.escape(line.1))</text>\n"
        }
        return out + "</svg>\n"
    }

    /// Millimetres; long texts are made smaller so that they end on the label (0.6 em a monospaced character, 33 mm).
    private static func size(_ text: String) -> String {
        String(format: "%.2f", min(2.8, 33.0 / (0.61 * Double(max(1, text.utf8.count)))))
    }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// Reads a label back from its SVG.
    package init(svg: [UInt8]) throws(Refusal) {
        let text = String(decoding: svg, as: UTF8.self)
        guard let start = text.range(of: "<metadata>"), let end = text.range(of: "</metadata>"),
            start.upperBound <= end.lowerBound
        else {
            throw Refusal(.malformed, "That file is not a label.", hint: "Use the label as the station wrote it.")
        }
        self = try CanonicalJSON.decode(Label.self, from: Array(text[start.upperBound..<end.lowerBound].utf8))
    }
}

/// The labels of a batch as files that only the operator can read (0600).
package struct LabelFiles: Sendable {
    let folder: BatchFolder

    package init(_ folder: BatchFolder) { self.folder = folder }

    func write(_ label: Label) throws {
        try StationFile.write(Array(try label.svg().utf8), to: folder.label(label.serial))
    }

    package func read(_ serial: String) throws(Refusal) -> Label? {
        guard UnitSerial.isValid(serial), let svg = try StationFile.read(folder.label(serial), limit: 256 << 10) else {
            return nil
        }
        return try Label(svg: svg)
    }

    /// Removes labels of units that were never born: nobody may stick them on anything.
    func removeOrphans(born: Set<String>) throws(Refusal) {
        for name in StationFile.names(in: folder.labels) {
            guard name.hasSuffix(".svg") ? !born.contains(String(name.dropLast(4))) : name.hasSuffix(".new") else {
                continue
            }
            guard unlink(folder.labels + "/" + name) == 0 else { throw StationFile.failure("remove", name) }
        }
    }

    /// All labels on A4 pages, three by nine, for a browser to print. Returns how many are on it.
    @discardableResult
    package func writeSheet(of serials: [String]) throws(Refusal) -> Int {
        var out = Array(Self.head.utf8)
        var count = 0
        for serial in serials {
            guard let svg = try StationFile.read(folder.label(serial), limit: 256 << 10) else { continue }
            out += svg
            count += 1
        }
        try StationFile.write(out + Array("</main>\n</html>\n".utf8), to: folder.sheet)
        return count
    }

    private static let head = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <title>Labels</title>
        <style>
        @page { size: A4; margin: 14mm 12mm }
        body { margin: 0 }
        p { font: 3.5mm sans-serif }
        main { display: grid; grid-template-columns: repeat(3, 62mm); grid-auto-rows: 29.8mm }
        svg { display: block; break-inside: avoid }
        @media print { p { display: none } }
        </style>
        <p>These labels hold pairing secrets. Print them, then delete this file and the folder beside it.</p>
        <main>

        """
}
