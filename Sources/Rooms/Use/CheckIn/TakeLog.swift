import Passport
import Registry
import Store
import Wire

/// Takes over the next page of a device's own hash-chained log: without a gap, without a rewritten entry.
///
/// Entries that are known are skipped; a page that does not follow, or whose hashes do not, raises an alarm.
package struct TakeLog: Action {
    package static let name = "use/take-log"
    package static let permission = Permission.beDevice

    package var device: DeviceID
    package var entries: [DeviceLogEntry]

    package init(device: DeviceID, entries: [DeviceLogEntry]) {
        self.device = device
        self.entries = entries
    }

    package func perform(in change: Change) throws -> Done {
        let device = try change.device(device.text)
        try device.passport.demand(.backEnd)
        let taken = device.passport.log?.count ?? 0
        var head = device.passport.log?.head ?? Digest([UInt8](repeating: 0, count: 32))
        let fresh = entries.filter { $0.index >= taken }
        guard let first = fresh.first, let last = fresh.last else { return Done() }
        guard first.index == taken else {
            throw try broken(device, "Entries \(taken) to \(first.index - 1) are missing.", change)
        }
        for (offset, entry) in fresh.enumerated() {
            guard entry.index == taken + offset, entry.kind.utf8.count <= 32, entry.text.utf8.count <= 512,
                entry.hash == (try Self.hash(entry, after: head))
            else { throw try broken(device, "Entry \(taken + offset) does not follow the one before it.", change) }
            head = entry.hash
            try change.rows.execute(
                "INSERT INTO device_log (device, idx, entry) VALUES ($1, $2, $3)",
                [Value(device.id), Value(entry.index), .bytes(try CanonicalJSON.encode(entry))])
        }
        try change.record(.logTaken(from: taken, to: last.index + 1, head: head), on: device.id)
        return Done()
    }

    /// SHA-256(previous ‖ canonical JSON of what the entry says).
    package static func hash(_ entry: DeviceLogEntry, after previous: Digest) throws -> Digest {
        LeafCertificate.sha256(previous.bytes + (try CanonicalJSON.encode(entry.covered)))
    }

    private func broken(_ device: Device, _ what: String, _ change: Change) throws -> Refusal {
        try Alarms.raise(
            .logBroken, on: device.id, detail: "The log of \(device.serial) is broken: \(what)", in: change)
        return change.refuseKeeping(
            Refusal(
                .conflict, "The log cannot be taken: \(what)",
                hint: "Send the log from entry \(device.passport.log?.count ?? 0) on, as it was written.",
                rule: "device log"))
    }
}
