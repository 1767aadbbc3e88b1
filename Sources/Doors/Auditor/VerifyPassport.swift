import Ledger
import Passport
import Wire

/// What `lifelong verify passport` says: a device's life, each event proven to be in the log.
package struct PassportReport: JudgedReport, Equatable {
    package struct Step: Codable, Sendable, Equatable {
        /// Position in the log.
        package var index: Int64
        package var at: Timestamp
        package var by: Actor
        /// The event's name.
        package var kind: String
        package var event: Event
        /// The stage after it.
        package var stage: Stage
    }

    package var verified: Bool
    package var origin: String
    /// The checkpoint that the evidence leads to.
    package var head: TreeHead?
    package var witnesses: [Vouching] = []
    package var device: DeviceID?
    package var life: [Step]
    /// What the life adds up to.
    package var passport: Passport?
    /// Whether the whole log was searched and holds no other entry of the device; nil if it was not searched.
    package var complete: Bool?
    package var findings: [AuditFinding]

    package var lines: [String] {
        let name = device?.text ?? "?"
        let stage = passport.map { ", now \($0.stage.rawValue)" } ?? ""
        let width = life.map(\.kind.count).max() ?? 0
        let steps = life.map { step in
            let kind = step.kind + String(repeating: " ", count: width - step.kind.count)
            return "  \(step.at)  \(kind)  \(step.stage.rawValue)  by \(step.by.role), entry \(step.index)"
        }
        let whole =
            switch complete {
            case true?: "  complete: the log holds no other entry of this device"
            case false?: "  NOT COMPLETE: the log holds more entries of this device"
            case nil: "  not shown: whether entries were left out (add --log to search the whole log)"
            }
        let head = (head.map { ["  proven in \(origin): \($0.line)"] } ?? []) + witnesses.map(\.line)
        return [verdict(verified, "passport of \(name), \(life.count) events\(stage)")] + head + steps + [whole]
            + findings.map { "  \($0.line)" }
    }
}

package enum VerifyPassport {
    /// Checks every proof against the one signed checkpoint, and replays the events through the stage machine.
    /// - Parameter document: JSON of an `Evidence`.
    package static func run(
        document: [UInt8], key: VerifierKey, quorum: WitnessQuorum = .none
    ) throws(Refusal) -> PassportReport {
        let evidence = try CanonicalJSON.decode(Evidence.self, from: document, limit: Evidence.maximumBytes)
        var report = PassportReport(verified: false, origin: key.name, life: [], findings: [])
        do throws(Refusal) {
            let proven = try evidence.verify(vkey: key, quorum: quorum)
            report.head = proven.checkpoint.head
            report.witnesses = proven.cosignatures.map(Vouching.init)
            for entry in proven.entries { try report.live(entry) }
            if proven.entries.isEmpty {
                report.findings.append(AuditFinding("The evidence has no entries.", hint: "Ask for it again."))
            }
        } catch {
            report.findings.append(AuditFinding(error))
        }
        report.verified = report.findings.isEmpty
        return report
    }

    /// The same, and then reads the whole log in search of entries that the evidence left out.
    package static func run(
        document: [UInt8], key: VerifierKey, quorum: WitnessQuorum = .none, log source: any LogSource,
        progress: AuditProgress = { _, _ in }
    ) async throws -> PassportReport {
        var report = try run(document: document, key: key, quorum: quorum)
        guard report.verified, let device = report.device, let head = report.head else { return report }
        var left = Set(report.life.map(\.index))
        var (omitted, rootThere) = ([Int64](), Digest?.none)
        let log = try await VerifyLog.run(source, key: key, quorum: quorum, progress: progress) { index, leaf, tree in
            if tree.size == head.size { rootThere = tree.head.root }
            guard index < head.size, left.remove(index) == nil else { return }
            let owner = try? CanonicalJSON.decode(EntryDevice.self, from: leaf, limit: EntryBundle.maximumEntryBytes)
            if owner?.device == device.text { omitted.append(index) }
        }
        report.findings += log.findings
        report.complete = log.verified && omitted.isEmpty
        if rootThere != head.root {
            report.complete = false
            report.findings.append(
                AuditFinding(
                    "The log at \(source.name) does not contain the tree that the evidence was proven in.",
                    hint: "Use a newer copy of the log; if it is newer, keep both: history was rewritten."))
        }
        report.findings += omitted.prefix(LogReport.maximumFindings).map {
            AuditFinding(
                entry: $0, "Entry \($0) is about the device and is not in the evidence.",
                hint: "Ask for the whole passport.")
        }
        report.verified = report.findings.isEmpty
        return report
    }

    /// The one field of an entry that the search looks at.
    private struct EntryDevice: Decodable {
        var device: String?
    }
}

extension PassportReport {
    /// One more proven entry: read, and folded into the passport.
    fileprivate mutating func live(_ proven: Evidence.ProvenEntry) throws(Refusal) {
        do throws(Refusal) {
            let entry = try CanonicalJSON.decode(Entry.self, from: proven.leaf, limit: Entry.maximumBytes)
            guard entry.v == 1, let about = entry.device, about == device ?? about else {
                throw Refusal(
                    .conflict, "It is not about the device of the entries before it, or has another format.",
                    hint: "Ask for the passport of one device.")
            }
            device = about
            let next = try Passport.advance(passport, device: about, by: entry.event, at: entry.at)
            passport = next
            life.append(
                Step(
                    index: proven.index, at: entry.at, by: entry.by, kind: entry.event.kind, event: entry.event,
                    stage: next.stage))
        } catch {
            throw Refusal(error.code, "Entry \(proven.index): \(error.detail)", hint: error.hint, rule: error.rule)
        }
    }
}
