import Passport
import Wire

/// What people may do with a device, stage by stage, with the consequence in a sentence. It offers; whether an action is
/// done, the action itself decides. A test compares names and permissions with the actions.
package enum DeviceActions {
    package struct Offer: Sendable {
        package let name: String
        package let permission: Permission
        let title: String
        let consequence: String
        var isFinal = false
        let stages: Set<Stage>
        /// What the stage alone does not tell.
        var holds: @Sendable (Passport) -> Bool = { _ in true }
    }

    package static func offered(on device: Device, to principal: Principal) -> [DeviceView.ActionView] {
        let passport = device.passport
        return all.filter { offer in
            guard Access.allows(offer.permission, principal), offer.stages.contains(passport.stage),
                offer.holds(passport)
            else { return false }
            return offer.permission != .own || (try? Access.demandOwner(of: device, principal)) != nil
        }.map { .init(name: $0.name, title: $0.title, consequence: $0.consequence, isFinal: $0.isFinal) }
    }

    package static let all: [Offer] = [
        Offer(
            name: "manufacture/ship-devices", permission: .ship, title: "Ship",
            consequence:
                "The device counts as sold: it may be paired, and contact no longer means that it was diverted.",
            isFinal: true, stages: [.made]),
        Offer(
            name: "pairing/pair-device", permission: .pair, title: "Pair",
            consequence: "The device gets an owner, may enrol and reach the back end.", stages: [.shipped, .claimable]),
        Offer(
            name: "use/configure-device", permission: .own, title: "Configure",
            consequence: "The device fetches the new configuration at its next check-in and signs for it.",
            stages: [.inUse]),
        Offer(
            name: "use/offer-update", permission: .publish, title: "Offer an update",
            consequence:
                "The device fetches the release, verifies it, installs it beside the old one and signs for it.",
            stages: [.shipped, .claimable, .inUse, .quarantined, .inTransfer],
            holds: { $0.allows(.firmware, for: .remedy) }),
        Offer(
            name: "use/quarantine-device", permission: .respond, title: "Quarantine",
            consequence: "The device is cut off with its next request; only a remedy reaches it until it is restored.",
            stages: [.inUse]),
        Offer(
            name: "use/restore-device", permission: .respond, title: "Restore",
            consequence: "The device may work again with its next request.", stages: [.quarantined]),
        Offer(
            name: "transfer/offer-device", permission: .own, title: "Offer to somebody else",
            consequence: "The device stops working for you until the offer is accepted or withdrawn.", stages: [.inUse]),
        Offer(
            name: "transfer/withdraw-offer", permission: .own, title: "Withdraw the offer",
            consequence: "The device works for you again; the acceptance code is void.", stages: [.inTransfer],
            holds: { $0.transfer?.acceptedAt == nil }),
        Offer(
            name: "retirement/retire-device", permission: .retire, title: "Retire",
            consequence: "Its certificates are revoked, its owner's data is destroyed, and it is never served again.",
            isFinal: true, stages: Set(Stage.allCases).subtracting([.retired])),
    ]
}
