/// Swift source with everything blanked that is not code: comments, and what stands inside string literals. Same length in
/// lines, so that line numbers stay true. Enough of a lexer for rules about our own source, not for any Swift.
struct SourceText {
    /// Comments and string contents are spaces.
    let code: String

    init(_ text: String) {
        var lexer = Lexer(Array(text.utf8))
        code = String(decoding: lexer.run(), as: UTF8.self)
    }

    private struct Lexer {
        private let source: [UInt8]
        private var out: [UInt8]
        private var at = 0

        init(_ source: [UInt8]) {
            self.source = source
            out = source
        }

        mutating func run() -> [UInt8] {
            while at < source.count { code(until: nil) }
            return out
        }

        /// Two characters, by their bytes.
        private func has(_ first: UInt8, _ second: UInt8) -> Bool {
            source[at] == first && at + 1 < source.count && source[at + 1] == second
        }

        private mutating func blank() {
            if source[at] != 10 { out[at] = 32 }
            at += 1
        }

        /// Code up to its end, or up to the parenthesis that closes an interpolation.
        private mutating func code(until close: UInt8?) {
            var depth = 0
            while at < source.count {
                if has(47, 47) {
                    while at < source.count, source[at] != 10 { blank() }
                } else if has(47, 42) {
                    while at < source.count, !has(42, 47) { blank() }
                    for _ in 0..<2 where at < source.count { blank() }
                } else if source[at] == 35 || source[at] == 34 {
                    if !string() { at += 1 }
                } else {
                    if source[at] == 40 { depth += 1 }
                    if source[at] == 41 {
                        if depth == 0, close != nil { return }
                        depth -= 1
                    }
                    at += 1
                }
            }
        }

        /// A string literal that begins here, with its pounds and quotes; false if none does.
        private mutating func string() -> Bool {
            var pounds = 0
            while at + pounds < source.count, source[at + pounds] == 35 { pounds += 1 }
            guard at + pounds < source.count, source[at + pounds] == 34 else { return false }
            let start = at + pounds
            let isLong = start + 2 < source.count && source[start + 1] == 34 && source[start + 2] == 34
            at = start + (isLong ? 3 : 1)
            let tail = [UInt8](repeating: 35, count: pounds)
            let close = [UInt8](repeating: 34, count: isLong ? 3 : 1) + tail
            let escape = [92] + tail
            while at < source.count, !begins(close), isLong || source[at] != 10 {
                if begins(escape + [40]) {
                    for _ in 0..<escape.count { blank() }
                    at += 1
                    code(until: 41)
                    if at < source.count { at += 1 }
                } else if begins(escape) {
                    for _ in 0...escape.count where at < source.count { blank() }
                } else {
                    blank()
                }
            }
            at = min(source.count, at + close.count)
            return true
        }

        private func begins(_ bytes: [UInt8]) -> Bool {
            guard source[at] == bytes[0], at + bytes.count <= source.count else { return false }
            return bytes.indices.allSatisfy { source[at + $0] == bytes[$0] }
        }
    }
}
