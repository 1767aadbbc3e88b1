import Wire

/// Reads a form of `multipart/form-data` (RFC 7578, RFC 2046 §5.1) as it comes, piece by piece: one file of any length, and few short
/// fields, which are passed over.
package struct Multipart: Sendable {
    private enum State { case skipping, behindDelimiter, headers, field, file, ended }

    private let delimiter: [UInt8]
    private var state = State.skipping
    private var held: [UInt8]
    /// Bytes since the last change of state, of what has no business being long.
    private var passed = 0
    private var parts = 0
    /// The file's name, as its sender has it; nil until it came.
    package private(set) var filename: String?
    private var hasFile = false

    package static let maximumHeaderBytes = 4096
    package static let maximumFieldBytes = 4096
    package static let maximumParts = 8
    /// RFC 2046 §5.1.1.
    private static let maximumBoundary = 70

    /// - Parameter contentType: the header, with its boundary.
    package init(contentType: String) throws(Refusal) {
        let parts = contentType.split(separator: ";").map { $0.drop { $0 == " " } }
        let boundary = parts.dropFirst().lazy.compactMap { Self.boundary($0) }.first
        guard parts.first?.lowercased() == "multipart/form-data", let boundary, !boundary.isEmpty,
            boundary.utf8.count <= Self.maximumBoundary, boundary.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            throw Refusal(
                .unsupported, "The body is no form with a file.",
                hint: "Send it as multipart/form-data: curl -F file=@…",
                rule: "RFC 7578")
        }
        delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter has no line before it.
        held = [13, 10]
    }

    private static func boundary(_ parameter: Substring) -> String? {
        guard parameter.lowercased().hasPrefix("boundary=") else { return nil }
        let value = parameter.dropFirst("boundary=".count)
        guard value.hasPrefix("\"") else { return String(value) }
        return value.count > 1 && value.hasSuffix("\"") ? String(value.dropFirst().dropLast()) : nil
    }

    /// - Returns: bytes of the file that are in it for sure.
    package mutating func take(_ bytes: some Sequence<UInt8>) throws(Refusal) -> [UInt8] {
        held += bytes
        var file: [UInt8] = []
        while try step(&file) {}
        return file
    }

    /// The form is at its end, and had a file.
    package func finish() throws(Refusal) {
        guard state == .ended, hasFile else {
            throw malformed(hasFile ? "The form was cut off." : "The form has no file.")
        }
    }

    private func malformed(_ what: String) -> Refusal {
        Refusal(.malformed, what, hint: "Send one file: curl -F file=@…", rule: "RFC 7578")
    }

    /// True if something may be left that can be read now.
    private mutating func step(_ file: inout [UInt8]) throws(Refusal) -> Bool {
        switch state {
        case .ended:
            try pass(held.count, atMost: Self.maximumFieldBytes)
            held = []
            return false
        case .skipping, .field, .file: return try body(&file)
        case .behindDelimiter:
            guard held.count >= 2 else { return false }
            switch (held[0], held[1]) {
            case (45, 45): state = .ended
            case (13, 10): state = .headers
            default: throw malformed("A delimiter of the form is followed by something else than a line's end.")
            }
            held.removeFirst(2)
            passed = 0
            return true
        case .headers: return try headers()
        }
    }

    private mutating func pass(_ count: Int, atMost limit: Int) throws(Refusal) {
        passed += count
        guard passed <= limit else { throw malformed("A field of the form, or what stands around it, is too long.") }
    }

    private mutating func body(_ file: inout [UInt8]) throws(Refusal) -> Bool {
        let end = find(delimiter)
        let count = end ?? max(0, held.count - delimiter.count + 1)
        if state == .file {
            file += held[..<count]
        } else {
            try pass(count, atMost: Self.maximumFieldBytes)
        }
        held.removeFirst(count + (end == nil ? 0 : delimiter.count))
        guard end != nil else { return false }
        state = .behindDelimiter
        return true
    }

    private mutating func headers() throws(Refusal) -> Bool {
        guard let end = find([13, 10, 13, 10]) else {
            guard held.count <= Self.maximumHeaderBytes + 3 else {
                throw malformed("The form's headers are too long.")
            }
            return false
        }
        guard end <= Self.maximumHeaderBytes, parts < Self.maximumParts else {
            throw malformed("The form has too many parts, or too long headers.")
        }
        parts += 1
        let lines = String(decoding: held[..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
        held.removeFirst(end + 4)
        let isFile = lines.contains { $0.lowercased().hasPrefix("content-disposition:") && $0.contains("filename=") }
        guard isFile else {
            state = .field
            passed = 0
            return true
        }
        guard !hasFile else { throw malformed("The form has a second file.") }
        hasFile = true
        filename = lines.lazy.compactMap { Self.filename($0) }.first ?? ""
        state = .file
        return true
    }

    /// Of a line such as `Content-Disposition: form-data; name="file"; filename="image.swu"`, without folders and what cannot be shown.
    private static func filename(_ line: Substring) -> String? {
        guard let start = line.firstRange(of: "filename=\"")?.upperBound else { return nil }
        let name = line[start...].prefix { $0 != "\"" }
        let last = name.split { $0 == "/" || $0 == "\\" }.last ?? ""
        let plain = last.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }.prefix(64)
        return String(String.UnicodeScalarView(plain))
    }

    private func find(_ wanted: [UInt8]) -> Int? {
        guard held.count >= wanted.count else { return nil }
        return held.withUnsafeBufferPointer { held in
            wanted.withUnsafeBufferPointer { wanted in
                for start in 0...held.count - wanted.count where held[start] == wanted[0] {
                    var length = 1
                    while length < wanted.count, held[start + length] == wanted[length] { length += 1 }
                    if length == wanted.count { return start }
                }
                return nil
            }
        }
    }
}
