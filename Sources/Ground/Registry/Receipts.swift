import Passport
import Store
import Trust
import Wire

/// Receipts: statements signed by a device. Verified against the key that the kind demands, kept whole, counted once.
package enum Receipts {
    package struct Admitted: Sendable {
        package let device: Device
        package let receipt: Receipt
        /// SHA-256 of the payload that was signed: how the ledger names it.
        package let sha256: Digest
    }

    /// Verifies and keeps the receipt. Nil if this very receipt is known: a device repeats what it got no answer to, and a
    /// replay changes nothing.
    package static func admit(_ seal: Seal, kinds: [Receipt.Kind], in change: Change) throws -> Admitted? {
        let limit = DeviceAPI.maximumReceiptBytes
        // Read first to know whose key to ask; believed only after the signature is checked with it.
        let claimed = try CanonicalJSON.decode(Receipt.self, from: seal.payloadBytes(), limit: limit)
        guard kinds.contains(claimed.kind) else {
            throw Refusal(
                .malformed, "A receipt of this kind does not belong here.", hint: "See docs/openapi/device.yaml.")
        }
        guard change.principal.device == claimed.device else {
            throw Refusal(
                .forbidden, "The receipt is of another device than the one that is connected.",
                hint: "Send each receipt over the device's own certificate.", rule: "receipt: device")
        }
        let device = try change.device(claimed.device.text)
        let payload = try verify(seal, claimed, of: device, limit, in: change)
        let sha256 = LeafCertificate.sha256(payload)
        let isNew = try change.rows.execute(
            """
            INSERT INTO receipt (sha256, device, kind, seal, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (sha256) DO NOTHING
            """,
            [
                Value(sha256), Value(device.id), .text(claimed.kind.rawValue),
                .text(String(decoding: try CanonicalJSON.encode(seal), as: UTF8.self)), Value(change.now),
            ])
        return isNew == 1 ? Admitted(device: device, receipt: claimed, sha256: sha256) : nil
    }

    /// Whether this very receipt of the device is in already.
    package static func isKnown(_ payload: [UInt8], of device: DeviceID, in rows: any Rows) throws -> Bool {
        try rows.first(
            "SELECT device FROM receipt WHERE sha256 = $1 AND device = $2",
            [Value(LeafCertificate.sha256(payload)), Value(device)]) != nil
    }

    private static func verify(
        _ seal: Seal, _ claimed: Receipt, of device: Device, _ limit: Int, in change: Change
    ) throws -> [UInt8] {
        do {
            return try seal.verified(
                type: Seal.PayloadType.receipt, by: try keys(for: claimed.kind, of: device, in: change.rows),
                limit: limit)
        } catch let refusal as Refusal where refusal.code != .tooLarge {
            try Alarms.raise(
                .receiptRefused, on: device.id,
                detail: "A receipt \"\(claimed.kind.rawValue)\" was not signed by the key that it must be signed by.",
                in: change)
            throw change.refuseKeeping(
                Refusal(
                    .forbidden, "The receipt's signature does not verify with this device's key.",
                    hint:
                        "Sign \"wiped\", \"pairingProof\" and what became of a remedy with the birth key, all others with the operational key.",
                    rule: "receipt: signature"))
        }
    }

    private static func keys(for kind: Receipt.Kind, of device: Device, in rows: any Rows) throws -> [[UInt8]] {
        // Where there is no back end there need not be an operational certificate: the update came over the birth's.
        let isCutOff = !device.passport.allows(.backEnd)
        switch kind {
        case .wiped, .pairingProof: return [try PublicKeys.ofCertificate(device.birthCertificate)]
        case .updated where isCutOff, .rolledBack where isCutOff, .refused where isCutOff:
            return [try PublicKeys.ofCertificate(device.birthCertificate)]
        case .updated, .rolledBack, .refused, .configured:
            return try rows.query(
                "SELECT der FROM certificate WHERE device = $1 AND state = 'issued' AND kind = 'operational'",
                [Value(device.id)]
            ).map { try PublicKeys.ofCertificate($0.bytes("der")) }
        }
    }
}
