import Manufacture
import Passport
import Registry
import Retirement
import Transfer
import Use
import Wire
import Workbench

/// The actions on a device, each with what must come of it, computed from stage, role and ownership alone.
enum ActingCrossing {
    /// Routes of the console that name a device and a verb: tried here, with every verb.
    static let deviceRoutes: Set<String> = ["GET /devices/{name}/{verb}", "POST /devices/{name}/{verb}"]

    struct Act: Sendable {
        enum Who: Sendable { case owner, anyOwner, maker }
        let name: String
        let who: Who
        let permission: Permission
        /// Success in that spot cannot be taken back: a spare is used.
        var isFinal = false
        /// JSON beside the device's name.
        var more = ""
        /// Nil: yes. Asked only of who may by role and ownership.
        let stage: @Sendable (Spot) -> Expected?
        var undo: @Sendable (BenchUnit, CrossingFleet) async throws -> Void = { _, _ in }

        /// Shipping what was shipped changes nothing.
        func usesUp(at spot: Spot) -> Bool { isFinal && (name != ShipDevices.name || spot == .made) }

        func body(_ serial: String) -> String {
            name == ShipDevices.name ? "{\"devices\":[\"\(serial)\"]}" : "{\"device\":\"\(serial)\"\(more)}"
        }

        func expected(by name: String, at spot: Spot) -> Expected {
            let role: Role = name == "maker" ? .makerAdmin : .owner
            guard Access.table[role]?.contains(permission) == true else {
                return Expected(403, "role \(role.rawValue): \(permission.rawValue)")
            }
            if who == .owner, spot.owner != name { return Expected(403, "tenure: owner only") }
            return stage(spot) ?? .yes
        }

        /// Whether the console offers it: what would be done, and never what would be refused.
        func isOffered(to name: String, _ spot: Spot) -> Bool {
            // A second update is not offered by the test; the page only asks for the right.
            expected(by: name, at: spot) == .yes && !(self.name == ShipDevices.name && spot != .made)
        }
    }

    private static func ruled(_ right: Right) -> @Sendable (Spot) -> Expected? {
        { spot in
            StageTable.ruling(right, in: spot.stage) == .yes
                ? nil : Expected(403, "stage \(spot.stage.rawValue): \(right.rawValue)")
        }
    }

    /// Only in those stages; the stage machine refuses elsewhere.
    private static func only(_ stages: [Stage], _ verb: String) -> @Sendable (Spot) -> Expected? {
        { spot in stages.contains(spot.stage) ? nil : Expected(409, "stage \(spot.stage.rawValue): \(verb)") }
    }

    static let acts: [Act] = [
        Act(
            name: "use/configure-device", who: .owner, permission: .own, more: #","document":"{}""#,
            stage: ruled(.backEnd)),
        Act(name: "pairing/enrolment-code", who: .owner, permission: .own, stage: ruled(.certificate)),
        Act(name: "use/issue-device-token", who: .owner, permission: .own, stage: ruled(.backEnd)),
        Act(
            name: "transfer/offer-device", who: .owner, permission: .own, more: #","days":3"#,
            stage: only([.inUse], "offer")
        ) {
            unit, fleet in
            let owner = try await fleet.owner(of: unit)
            _ = try await fleet.bench.house.perform(WithdrawOffer(device: unit.serial), as: owner)
        },
        Act(name: "transfer/withdraw-offer", who: .owner, permission: .own, stage: only([.inTransfer], "withdraw")) {
            unit, fleet in
            _ = try await fleet.bench.house.perform(OfferDevice(device: unit.serial), as: fleet.ada)
        },
        Act(
            name: "pairing/pair-device", who: .anyOwner, permission: .pair, isFinal: true,
            more: #","grade":"declared""#,
            stage: ruled(.pair)),
        Act(
            name: "transfer/accept-device", who: .anyOwner, permission: .pair, more: #","code":"0000-0000-0000-0000""#,
            stage: { $0 == .offered ? Expected(403, "transfer: code") : Expected(404, "transfer: offer") }),
        Act(
            name: "pairing/unlock", who: .maker, permission: .respond,
            stage: only(Stage.allCases.filter { $0 != .retired }, "unlock")),
        Act(
            name: "use/quarantine-device", who: .maker, permission: .respond, more: #","reason":"tamper""#,
            stage: only([.inUse], "quarantine")
        ) { unit, fleet in _ = try await fleet.bench.house.perform(RestoreDevice(device: unit.serial), as: .system) },
        Act(name: "use/restore-device", who: .maker, permission: .respond, stage: only([.quarantined], "restore")) {
            unit, fleet in
            _ = try await fleet.bench.house.perform(
                QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
        },
        Act(
            name: "manufacture/ship-devices", who: .maker, permission: .ship, isFinal: true,
            stage: only([.made, .shipped], "ship")),
        Act(
            name: "retirement/retire-device", who: .maker, permission: .retire, isFinal: true,
            more: #","how":"recycled""#,
            stage: { $0.stage == .retired ? Expected(409, "stage retired: retire") : nil }),
    ]

    /// The console's word for it in the address.
    static let verbs: [(String, Act)] = [
        ("configure", "use/configure-device"), ("offer", "transfer/offer-device"),
        ("withdraw", "transfer/withdraw-offer"), ("quarantine", "use/quarantine-device"),
        ("restore", "use/restore-device"), ("ship", "manufacture/ship-devices"), ("retire", "retirement/retire-device"),
    ].compactMap { verb, name in acts.first { $0.name == name }.map { (verb, $0) } }
}

extension CrossingFleet {
    func owner(of unit: BenchUnit) async throws -> Principal {
        let owner = try await bench.house.read { rows in try Device.require(unit.serial, in: rows).owner }
        return owner == ben.owner ? ben : ada
    }

    /// The device of that spot that this act may use up: the first is for retiring, the last two for Ben and Ada to pair.
    func spare(for act: ActingCrossing.Act, _ spot: Spot, _ name: String) -> BenchUnit? {
        guard let units = spares[spot] else { return nil }
        switch act.name {
        case "retirement/retire-device": return units.first
        case "pairing/pair-device" where name == "Ben": return units.dropFirst().dropLast().first
        default: return units.last
        }
    }
}
