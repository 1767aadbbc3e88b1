import Passport
import Registry
import Store
import Trust
import Wire

/// A device reports how it is and is told how it should be.
///
/// What matters enters the ledger (pages of the device's own log); that it called is buffered.
package struct CheckIn: Sendable {
    package let device: DeviceID
    package let report: CheckInReport
    package let shown: VerifiedCertificate

    package init(device: DeviceID, report: CheckInReport, shown: VerifiedCertificate) {
        self.device = device
        self.report = report
        self.shown = shown
    }

    /// Without waiting, if the passport says all that the device has to hear; else nil, and nothing is done.
    package func perform(with passport: Passport, in house: House) throws(Refusal) -> DesiredState? {
        let hasConfiguration =
            passport.configurationVersion > 0 && passport.configurationVersion != report.configuration
        guard report.log.isEmpty, !hasConfiguration, passport.offeredUpdate == nil else { return nil }
        try checkBounds()
        try passport.demand(.backEnd)
        let now = house.clock()
        house.contacts.note(.init(device: device, tenure: passport.tenure?.id, at: now, report: report))
        let news = house.authorities.news(after: report.succession)
        return DesiredState(
            status: Standing.status(of: passport, shown: shown, at: now), successions: news.successions,
            roots: news.roots, logTaken: passport.log?.count ?? 0, nextCheckInSeconds: house.settings.checkInSeconds)
    }

    package func perform(in house: House) async throws -> DesiredState {
        try checkBounds()
        if !report.log.isEmpty {
            _ = try await house.perform(TakeLog(device: device, entries: report.log), as: .device(device))
        }
        let now = house.clock()
        let news = house.authorities.news(after: report.succession)
        let (found, sealed, tenure) = try await house.read { rows in
            let device = try Device.require(device.text, in: rows)
            try device.passport.demand(.backEnd)
            let state = DesiredState(
                status: try Standing.status(of: device.passport, shown: shown, at: now, in: rows),
                update: try Updates.next(for: device.passport, in: rows), successions: news.successions,
                roots: news.roots, logTaken: device.passport.log?.count ?? 0,
                nextCheckInSeconds: house.settings.checkInSeconds)
            let configuration = try Configurations.next(for: device, applied: report.configuration, in: rows)
            return (state, configuration, device.passport.tenure?.id)
        }
        house.contacts.note(.init(device: device, tenure: tenure, at: now, report: report))
        var state = found
        state.configuration = try await sealed?.open(in: house)
        return state
    }

    private func checkBounds() throws(Refusal) {
        let isBounded =
            report.agent.utf8.count <= 128 && report.version.utf8.count <= 64 && (report.slot?.utf8.count ?? 0) <= 8
            && report.sequence >= 0 && report.configuration >= 0
            && (0...Int(Int32.max)).contains(report.succession ?? 0)
            && report.posture.count <= 64
            && report.posture.allSatisfy { $0.key.utf8.count <= 256 && $0.value.utf8.count <= 256 }
        guard isBounded, report.log.count <= DeviceAPI.maximumLogEntries else {
            throw Refusal(
                .tooLarge, "The report is larger than allowed.",
                hint:
                    "At most 64 posture facts of 256 bytes and \(DeviceAPI.maximumLogEntries) log entries; see docs/openapi/device.yaml."
            )
        }
        // No database keeps NUL in a text, and no person can read the others.
        guard
            [report.agent, report.version, report.slot ?? ""].allSatisfy({ !$0.utf8.contains(where: Self.isControl) })
        else {
            throw Refusal(
                .malformed, "The report names an agent, version or slot with a control character.",
                hint: "Send printable text; see docs/openapi/device.yaml.")
        }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }
}
