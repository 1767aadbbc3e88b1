import Wire

/// What a witness answered to a submitted checkpoint, as far as it can be believed (C2SP tlog-witness).
package enum WitnessReply: Sendable, Equatable {
    /// Cosigned; the line is the witness's own, verified, and nothing else of what came with it.
    case cosigned(Cosignature, line: String)
    /// 409: its last checkpoint has this size.
    case otherSize(Int64)
    /// 422: it says that the checkpoint is no append to what it cosigned.
    case inconsistent
    /// Anything else; a sentence for the operator.
    case unusable(String)

    /// Bound of an answer's body, in bytes.
    package static let maximumBytes = 65_536

    /// - Parameter note: what was submitted.
    package init(status: Int, contentType: String?, body: [UInt8], to note: [UInt8], from witness: WitnessKey) {
        switch status {
        case 200: self = Self.cosigned(body, note, witness)
        case 409:
            let type = contentType?.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() }
            guard type == "text/x.tlog.size", body.last == newline, let size = decimal(body.dropLast()) else {
                self = .unusable("It answered 409 without a size.")
                return
            }
            self = .otherSize(size)
        case 422: self = .inconsistent
        case 403: self = .unusable("It does not accept the signature under our checkpoint: give it our verifier key.")
        case 404: self = .unusable("It does not know our ledger: ask its operator to add our verifier key.")
        default: self = .unusable("It answered with status \(status).")
        }
    }

    private static func cosigned(_ body: [UInt8], _ note: [UInt8], _ witness: WitnessKey) -> WitnessReply {
        // Only its own lines are looked at, so that nobody fills our note with those of others.
        guard body.count <= maximumBytes, let said = try? Note(note + body), let own = try? Note(note),
            let cosignature = try? said.cosignatures(by: [witness]).first,
            let line = said.signatures.dropFirst(own.signatures.count).last(where: {
                witness.isMeant(by: $0) && Cosignature($0, by: witness, over: said.text) == cosignature
            })
        else { return .unusable("It answered 200 without a valid cosignature under its key.") }
        return .cosigned(cosignature, line: String(decoding: line.line, as: UTF8.self))
    }
}
