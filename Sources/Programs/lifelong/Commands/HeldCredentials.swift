import Use
import Wire

/// A file with what devices have already: on each line a serial and a token, or "key:" and a public key.
struct HeldCredentials {
    /// Most bytes of the file: a million devices with tokens.
    static let maximumBytes = 64 << 20
    /// Most bytes of a call, about; the server takes 1 MiB.
    private static let callBytes = 900_000
    /// What stands around one row in the call.
    private static let rowBytes = 40

    private(set) var rows: [AdoptDeviceTokens.Held] = []
    /// Lines that are no row, or say what another one said, by their numbers; never with a token or a key.
    private(set) var refused: [AdoptDeviceTokens.Answer.Refused] = []

    init(_ bytes: [UInt8]) {
        // What a spreadsheet writes first.
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let text = String(decoding: bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...], as: UTF8.self)
        var devices: Set<Substring> = []
        var secrets: Set<Substring> = []
        // Empty lines count, so that the numbers are an editor's.
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split { $0 == " " || $0 == "," || $0 == "\t" || $0 == ";" }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            func refuse(_ why: String) { refused.append(.init(device: "line \(number + 1)", reason: why)) }
            guard words.count == 2 else {
                refuse("Not a serial, a comma, and a token or key:….")
                continue
            }
            // Within one call the server finds this, too; a file may take many.
            guard devices.insert(first).inserted else {
                refuse("The device stands in the file twice.")
                continue
            }
            guard secrets.insert(words[1]).inserted else {
                refuse("The token or key stands in the file twice: each device has its own.")
                continue
            }
            rows.append(Self.row(String(first), words[1]))
        }
    }

    private static func row(_ device: String, _ word: Substring) -> AdoptDeviceTokens.Held {
        guard word.hasPrefix("key:") else { return AdoptDeviceTokens.Held(device: device, token: String(word)) }
        return AdoptDeviceTokens.Held(device: device, key: String(word.dropFirst("key:".count)))
    }

    /// In calls that the server takes.
    var calls: [[AdoptDeviceTokens.Held]] {
        var calls: [[AdoptDeviceTokens.Held]] = []
        var size = 0
        for row in rows {
            let bytes = row.device.utf8.count + (row.token ?? row.key ?? "").utf8.count + Self.rowBytes
            if calls.isEmpty || calls[calls.count - 1].count == AdoptDeviceTokens.limit || size + bytes > Self.callBytes
            {
                calls.append([])
                size = 0
            }
            calls[calls.count - 1].append(row)
            size += bytes
        }
        return calls
    }
}
