import CQREncode
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A QR picture (ISO/IEC 18004, error correction M) as a square of modules.
package struct QRCode: Sendable {
    /// Modules a side, without the quiet zone.
    package let width: Int
    private let dark: [Bool]
    /// Empty modules that the standard demands on every side.
    package static let quietZone = 4

    package init(_ text: String) throws(Refusal) {
        guard let code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1) else {
            throw Refusal(
                .unavailable, "A QR picture of \(text.utf8.count) characters could not be made.",
                hint: "Use a shorter serial, or free some memory.")
        }
        defer { QRcode_free(code) }
        width = Int(code.pointee.width)
        dark = (0..<(width * width)).map { code.pointee.data[$0] & 1 == 1 }
    }

    /// False outside of the picture.
    package subscript(row: Int, column: Int) -> Bool {
        (0..<width).contains(row) && (0..<width).contains(column) && dark[row * width + column]
    }

    /// An SVG path of the dark modules, one unit a module, starting after the quiet zone.
    package var path: String {
        var out = ""
        for row in 0..<width {
            var column = 0
            while column < width {
                guard self[row, column] else {
                    column += 1
                    continue
                }
                var run = 1
                while self[row, column + run] { run += 1 }
                out += "M\(column + Self.quietZone) \(row + Self.quietZone)h\(run)v1h-\(run)z"
                column += run
            }
        }
        return out
    }

    /// Two rows of modules a line of text. Light modules are drawn, as a terminal is usually dark.
    /// - Parameter colored: sets white on black itself, for a terminal of any colour.
    package func text(colored: Bool) -> String {
        let range = -Self.quietZone..<(width + Self.quietZone)
        return stride(from: range.lowerBound, to: range.upperBound, by: 2).map { row in
            let line = range.map { column -> String in
                switch (self[row, column], self[row + 1, column] || row + 1 >= range.upperBound) {
                case (false, false): "█"
                case (false, true): "▀"
                case (true, false): "▄"
                case (true, true): " "
                }
            }.joined()
            return colored ? "\u{1b}[40;97m\(line)\u{1b}[0m\n" : line + "\n"
        }.joined()
    }
}
