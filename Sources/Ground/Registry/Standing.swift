import Passport
import Store
import Trust
import Wire

/// Where a device stands, in the words of the device API: one call tells it what it is and what to do.
package enum Standing {
    /// What the passport says of it; the tables may have more to say (`isWhole`).
    /// - Parameter shown: the certificate that the device spoke with.
    package static func status(of passport: Passport, shown: VerifiedCertificate, at now: Timestamp) -> DeviceStatus {
        let state = state(of: passport, shown, now)
        var status = DeviceStatus(
            state: state, stage: passport.stage.rawValue, reason: reason(state, passport), hint: hint(state, passport),
            device: passport.device, serverTime: now)
        if passport.tenure != nil, passport.allows(.certificate) { status.enrol = "/.well-known/est" }
        return status
    }

    /// Whether nothing is missing: no order to wipe and no challenge can be waiting.
    package static func isWhole(_ status: DeviceStatus, of passport: Passport) -> Bool {
        !passport.wipeOwed && status.state != .notPaired
    }

    /// With what waits in the tables: an order to wipe, a challenge.
    package static func status(
        of passport: Passport, shown: VerifiedCertificate, at now: Timestamp, in rows: any Rows
    ) throws -> DeviceStatus {
        var status = status(of: passport, shown: shown, at: now)
        if passport.wipeOwed, let nonce = try WipeOrders.pending(for: passport.device, in: rows) {
            status.wipe = DeviceStatus.Wipe(nonce: nonce)
        }
        if status.state == .notPaired {
            let row = try rows.first(
                "SELECT nonce, expires FROM pairing WHERE device = $1 AND expires > $2",
                [Value(passport.device), Value(now)])
            if let row { status.pairing = .init(nonce: try row.text("nonce"), expires: try row.time("expires")) }
        }
        return status
    }

    private static func state(
        of passport: Passport, _ shown: VerifiedCertificate, _ now: Timestamp
    ) -> DeviceStatus.State {
        switch passport.stage {
        case .retired: return .retired
        case .quarantined: return .quarantined
        case .inTransfer: return .transferPending
        case .made, .shipped, .claimable: return .notPaired
        case .inUse: break
        }
        let serial = shown.reference.serial
        guard shown.kind == .operational else {
            return passport.certificates.contains { $0.notAfter > now } ? .enrolled : .notEnrolled
        }
        guard passport.certificates.contains(where: { $0.serial == serial }) else { return .revoked }
        if passport.offeredUpdate != nil { return .updateRequired }
        let reference = shown.reference
        let life = reference.notAfter.seconds(since: reference.notBefore)
        return now.seconds(since: reference.notBefore) * 3 > life * 2 ? .certificateExpiring : .enrolled
    }

    private static func reason(_ state: DeviceStatus.State, _ passport: Passport) -> String {
        switch state {
        case .enrolled: "The device has an owner and a live operational certificate."
        case .notEnrolled: "The device has an owner and no live operational certificate."
        case .notPaired: "The device has no owner."
        case .updateRequired: "Release \(passport.offeredUpdate?.sequence ?? 0) is waiting for it."
        case .certificateExpiring: "Two thirds of the operational certificate's life are over."
        case .quarantined: "The device is cut off until a person restores it."
        case .transferPending:
            passport.wipeOwed
                ? "The device has a new owner and has to wipe itself." : "Its owner has offered the device."
        case .revoked: "The certificate that was shown is revoked or replaced."
        case .retired:
            passport.wipeOwed ? "The device is retired and has to wipe itself." : "The device's life is over."
        }
    }

    private static func hint(_ state: DeviceStatus.State, _ passport: Passport) -> String {
        switch state {
        case .enrolled: "Check in with the operational certificate."
        case .notEnrolled: "Enrol with the birth certificate at /.well-known/est/simpleenroll."
        case .updateRequired: "Check in, verify the release, install it and send the receipt."
        case .certificateExpiring: "Renew at /.well-known/est/simplereenroll."
        case .revoked: "Ask again with the birth certificate."
        case .notPaired, .quarantined, .transferPending, .retired: passport.whatToDo
        }
    }
}

/// A device made contact; in a stage where that must not happen a person hears of it.
package enum Contact {
    /// Whether a contact may be one that somebody must hear of; if not, there is nothing to judge.
    package static func mayAlarm(_ passport: Passport) -> Bool {
        switch StageTable.ruling(.contactAlarm, in: passport.stage) {
        case .yes: passport.stage == .made || !passport.wipeOwed
        case .byPolicy: true
        default: false
        }
    }

    /// Raises the alarm that the stage or the product's policy wants. `from` is where the contact came from.
    package static func judge(_ device: Device, from address: String, in house: House) async throws {
        guard let alarm = self.alarm(for: device.passport) else { return }
        let now = house.clock()
        let isOpen = try await house.read { rows -> Bool in
            if alarm == .contactBeforePairing {
                let sql = "SELECT alarm_before_pairing FROM product WHERE id = $1"
                let wanted = try rows.first(sql, [Value(device.passport.product)])?.int("alarm_before_pairing") ?? 0
                let isBeingPaired =
                    try rows.first(
                        "SELECT device FROM pairing WHERE device = $1 AND expires > $2", [Value(device.id), Value(now)])
                    != nil
                guard wanted == 1, !isBeingPaired else { return true }
            }
            return try rows.count(
                "SELECT COUNT(*) AS n FROM alarm WHERE device = $1 AND alarm = $2 AND acknowledged_at IS NULL",
                [Value(device.id), .text(alarm.rawValue)]) > 0
        }
        guard !isOpen else { return }
        try await house.change(as: .device(device.id)) { change in
            // It may have been shipped, paired or wiped since it was looked at.
            guard try self.alarm(for: change.passport(of: device.id)) == alarm else { return }
            try Alarms.raise(alarm, on: device.id, detail: sentence(alarm, device, address), in: change)
        }
    }

    private static func alarm(for passport: Passport) -> Alarm? {
        switch StageTable.ruling(.contactAlarm, in: passport.stage) {
        case .yes where passport.stage == .made: .contactBeforeShipping
        // A retired device that still owes its wipe has to come for the order.
        case .yes: passport.wipeOwed ? nil : .contactAfterRetirement
        case .byPolicy: .contactBeforePairing
        default: nil
        }
    }

    private static func sentence(_ alarm: Alarm, _ device: Device, _ address: String) -> String {
        switch alarm {
        case .contactBeforeShipping:
            "\(device.serial) should be in stock and called from \(address): it may be diverted."
        case .contactBeforePairing: "\(device.serial) was never sold and called from \(address)."
        default: "\(device.serial) is retired and called from \(address)."
        }
    }
}
