/// JSON in the one plain form that nearly every check-in has, without the general coder's cost: no escapes, no fractions, no
/// nesting beyond a map of texts. What is not in that form is left to `CanonicalJSON`, which decides alone what is valid:
/// this reader accepts less, never more and never differently (Fuzz target `check-in`).
package struct PlainJSONReader {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return at == bytes.count
        }
    }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09 {
            at += 1
        }
    }

    package mutating func take(_ character: UInt8) -> Bool {
        skipSpace()
        guard at < bytes.count, bytes[at] == character else { return false }
        at += 1
        return true
    }

    /// Exactly these characters, as `PlainJSONWriter` writes them; nothing is taken if they are not there.
    package mutating func take(_ expected: StaticString) -> Bool {
        let count = expected.utf8CodeUnitCount
        guard bytes.count - at >= count else { return false }
        for place in 0..<count where bytes[at + place] != expected.utf8Start[place] { return false }
        at += count
        return true
    }

    /// Without escapes and control characters; nil for anything else.
    package mutating func text() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = at
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                let range = bytes[start..<at]
                at += 1
                return String(validating: range, as: UTF8.self)
            case UInt8(ascii: "\\"), 0..<0x20: return nil
            default: at += 1
            }
        }
        return nil
    }

    /// Up to 15 digits without a sign; nil for anything else.
    package mutating func number() -> Int? {
        skipSpace()
        let start = at
        var value = 0
        while at < bytes.count, bytes[at] >= 48, bytes[at] <= 57 {
            value = value * 10 + Int(bytes[at] - 48)
            at += 1
            guard at - start <= 15 else { return nil }
        }
        guard at > start, at - start == 1 || bytes[start] != 48, at < bytes.count else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
        default: return value
        }
    }

    /// `{"a":"b",…}` whose keys differ; nil for anything else.
    mutating func texts() -> [String: String]? {
        guard take(UInt8(ascii: "{")) else { return nil }
        if take(UInt8(ascii: "}")) { return [:] }
        var values: [String: String] = [:]
        repeat {
            guard let key = text(), take(UInt8(ascii: ":")), let value = text(),
                values.updateValue(value, forKey: key) == nil
            else { return nil }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? values : nil
    }
}

extension CheckInReport {
    /// From the plain form of a report without a page of the log; nil if it is not in that form, whether valid or not.
    package init?(plain bytes: UnsafeRawBufferPointer) {
        var reader = PlainJSONReader(bytes)
        var agent: String?
        var sequence: Int?
        var version: String?
        var slot: String?
        var configuration: Int?
        var posture: [String: String]?
        var hasLog = false
        var succession: Int?
        guard reader.take(UInt8(ascii: "{")) else { return nil }
        repeat {
            guard let key = reader.text(), reader.take(UInt8(ascii: ":")) else { return nil }
            switch key {
            case "agent" where agent == nil:
                guard let value = reader.text() else { return nil }
                agent = value
            case "sequence" where sequence == nil:
                guard let value = reader.number() else { return nil }
                sequence = value
            case "version" where version == nil:
                guard let value = reader.text() else { return nil }
                version = value
            case "slot" where slot == nil:
                guard let value = reader.text() else { return nil }
                slot = value
            case "configuration" where configuration == nil:
                guard let value = reader.number() else { return nil }
                configuration = value
            case "posture" where posture == nil:
                guard let value = reader.texts() else { return nil }
                posture = value
            case "log" where !hasLog:
                guard reader.take(UInt8(ascii: "[")), reader.take(UInt8(ascii: "]")) else { return nil }
                hasLog = true
            case "succession" where succession == nil:
                guard let value = reader.number() else { return nil }
                succession = value
            default: return nil
            }
        } while reader.take(UInt8(ascii: ","))
        guard reader.take(UInt8(ascii: "}")), reader.isAtEnd, hasLog, let agent, let sequence, let version,
            let configuration, let posture
        else { return nil }
        self.init(
            agent: agent, sequence: sequence, version: version, slot: slot, configuration: configuration,
            posture: posture, log: [], succession: succession)
    }
}

/// Writes canonical JSON of texts that need no escapes and of whole numbers.
package struct PlainJSONWriter {
    package private(set) var bytes: [UInt8] = []
    /// A text needed an escape: what was written is to be thrown away.
    package private(set) var isOver = false

    package init() { bytes.reserveCapacity(768) }

    package mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    package mutating func text(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        for byte in bytes[start...] where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            isOver = true
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func text(_ digest: Digest) {
        bytes.append(UInt8(ascii: "\""))
        for byte in digest.bytes {
            bytes.append(Hex.digit(byte >> 4))
            bytes.append(Hex.digit(byte & 15))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func text(_ instant: Timestamp) { text(instant.description) }

    package mutating func number(_ value: Int) { bytes.append(contentsOf: String(value).utf8) }
}

extension DesiredState {
    /// Canonical JSON; the same bytes as `CanonicalJSON.encode`, faster where there is nothing to bring.
    package func json() throws -> [UInt8] {
        guard configuration == nil, update == nil, successions == nil, status.pairing == nil, status.wipe == nil,
            status.update == nil, status.successions == nil
        else {
            return try CanonicalJSON.encode(self)
        }
        var writer = PlainJSONWriter()
        writer.raw("{\"logTaken\":")
        writer.number(logTaken)
        writer.raw(",\"nextCheckInSeconds\":")
        writer.number(nextCheckInSeconds)
        if let roots {
            writer.raw(",\"roots\":")
            writer.text(roots)
        }
        writer.raw(",\"status\":{\"device\":")
        writer.text(status.device.text)
        if let enrol = status.enrol {
            writer.raw(",\"enrol\":")
            writer.text(enrol)
        }
        writer.raw(",\"hint\":")
        writer.text(status.hint)
        writer.raw(",\"reason\":")
        writer.text(status.reason)
        writer.raw(",\"serverTime\":")
        writer.text(status.serverTime.description)
        writer.raw(",\"stage\":")
        writer.text(status.stage)
        writer.raw(",\"state\":")
        writer.text(status.state.rawValue)
        writer.raw("}}")
        return writer.isOver ? try CanonicalJSON.encode(self) : writer.bytes
    }
}
