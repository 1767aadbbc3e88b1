import Foundation
import Keys
import KeysFile
import Station
import Testing
import Trust
import Wire

/// A maker and one station in a folder of their own, on a clock that the test sets.
final class Workshop: Sendable {
    static let start = Timestamp(year: 2026, month: 11, day: 21, hour: 8)
    static let hardware = "thermostat-board-c"

    let home: StationHome
    let keys: FileKeyStore
    let permitKey = EphemeralKey()
    let root: Authority
    let request: StationRequest
    private let now = Locked(start)

    init() throws {
        let folder = NSTemporaryDirectory() + "station-\(UUID().uuidString.prefix(8))"
        home = StationHome(folder)
        keys = try FileKeyStore(folder: folder + "/keys")
        let rootKey = EphemeralKey(.p384)
        let intent = try Profile.root(
            name: "Maker Root", organisation: "Example Heating", key: rootKey, serial: SystemRandom.bytes(16),
            notBefore: Self.start.adding(days: -1), notAfter: .noExpiry)
        root = try Authority(root: IssuanceToken(stored: intent), key: rootKey)
        request = try InitializeStation(home: home, name: "line-1", makerKey: permitKey.publicKeyDER)
            .perform(keys: keys)
    }

    deinit { try? FileManager.default.removeItem(atPath: home.path) }

    var clock: @Sendable () -> Timestamp {
        { [self] in now.withLock { $0 } }
    }
    func set(_ time: Timestamp) { now.withLock { $0 = time } }

    /// What the maker answers to the station's request.
    func permit(
        batch: String = "B-1", hardware: String = Workshop.hardware, quantity: Int = 3, days: Int64 = 30,
        key: EphemeralKey? = nil, for other: StationRequest? = nil, authorityFrom: Timestamp = Workshop.start,
        change: (inout Permit) -> Void = { _ in }
    ) throws -> Seal {
        let request = other ?? request
        let csr = try VerifiedRequest(der: try #require(Base64.decode(request.birthAuthorityRequest)))
        let intent = try Profile.authority(
            under: root, name: csr.subject.commonName ?? "", organisation: "Example Heating", spki: csr.spki,
            serial: SystemRandom.bytes(16), notBefore: authorityFrom, notAfter: .noExpiry)
        let authority = try root.sign(IssuanceToken(stored: intent))
        var permit = Permit(
            batch: try BatchID(batch), product: try ProductID("thermostat-2"), hardware: hardware, quantity: quantity,
            expires: Self.start.adding(days: days),
            birthChain: [authority, root.certificate].map { Base64.encode($0) },
            stationKey: request.stationKey,
            service: ServiceAnchor(
                url: "https://devices.example:8443", anchors: [Base64.encode(root.certificate)], releaseKeys: []))
        change(&permit)
        return try Seal.sign(
            type: Seal.PayloadType.permit, payload: try CanonicalJSON.encode(permit), with: key ?? permitKey)
    }

    func open(
        _ permit: Seal? = nil, options: Batch.Options = .init(), breakpoints: Breakpoints = .init()
    ) throws -> Batch {
        try Batch.open(
            home, permit: try permit ?? self.permit(), keys: keys, options: options, clock: clock,
            breakpoints: breakpoints)
    }

    /// Everything that the station wrote down for the batch, except what is meant to be stuck on units.
    func records(_ batch: String = "B-1") throws -> String {
        let folder = home.folder(of: try BatchID(batch))
        return [folder.births, folder.intents, folder.notes, folder.manifest, folder.permit]
            .compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }.joined()
    }
}
