import Manufacture
import Passport
import Registry
import Retirement
import Transfer
import Use
import Wire

/// A word in the address for something that a person may do with a device: which action it is, what its page asks, and
/// what is said afterwards. What it means and who may, the action says.
struct DeviceVerb: Sendable {
    enum Outcome {
        case done
        /// Something that is shown once and kept nowhere.
        case secret(title: String, secret: String, explanation: String)
    }

    let path: String
    /// The action's name, as `DeviceView.actions` has it.
    let action: String
    /// One sentence after it was done.
    let done: String
    /// Asks for nothing and takes nothing away: no page of its own.
    var isImmediate = false
    /// Takes something away from the device or its owner.
    var cutsOff = false
    /// What the page asks for.
    var fields: @Sendable (DeviceView, [ReleaseView]) -> HTML = { _, _ in .empty }
    let perform:
        @Sendable (_ device: DeviceView, _ form: Form, _ house: House, _ who: Principal) async throws -> Outcome

    static func named(_ path: String) -> DeviceVerb? { all.first { $0.path == path } }
    static func doing(_ action: String) -> DeviceVerb? { all.first { $0.action == action } }

    static let all: [DeviceVerb] = [ship, configure, update, quarantine, restore, offer, withdraw, retire]

    private static let ship = DeviceVerb(
        path: "ship", action: ShipDevices.name, done: "The device is shipped; it may be paired now."
    ) { device, _, house, who in
        _ = try await house.perform(ShipDevices(devices: [device.device.text]), as: who)
        return .done
    }

    private static let configure = DeviceVerb(
        path: "configure", action: ConfigureDevice.name,
        done: "The device fetches the configuration at its next check-in.",
        fields: { _, _ in
            Forms.area(
                "document", "Configuration", value: "{\n  \n}",
                help: "A JSON object of at most 64 KiB. It is kept encrypted under the tenure's data key.")
        }
    ) { device, form, house, who in
        let document = try required("document", "a configuration", form)
        _ = try await house.perform(ConfigureDevice(device: device.device.text, document: document), as: who)
        return .done
    }

    private static let update = DeviceVerb(
        path: "update", action: OfferUpdate.name,
        done: "The release is offered; the device fetches it at its next check-in.",
        fields: { device, releases in releaseField(device, releases) }
    ) { device, form, house, who in
        guard let sequence = Int(try required("sequence", "a release", form)) else {
            throw Refusal(.malformed, "The sequence is not a number.", hint: "Choose a release from the list.")
        }
        let answer = try await house.perform(
            OfferUpdate(
                product: device.product, sequence: sequence, devices: [device.device.text],
                remedy: StageTable.ruling(.firmware, in: device.stage) == .remedyOnly ? true : nil), as: who)
        guard answer.offered == 1 else {
            throw Refusal(
                .conflict, "The release was not offered: the device has it, or its stage has no right to it.",
                hint: "Look at what is installed and at its rights.", rule: "stage \(device.stage.rawValue): firmware")
        }
        return .done
    }

    private static let quarantine = DeviceVerb(
        path: "quarantine", action: QuarantineDevice.name, done: "The device is quarantined from its next request on.",
        cutsOff: true,
        fields: { _, _ in
            Forms.field(
                "reason", "Reason", help: "One short word, such as suspected-tamper. It goes into the public ledger.",
                more: [
                    .flag("required"), Attribute("maxlength", 64), Attribute("pattern", "[A-Za-z0-9][A-Za-z0-9._\\-]*"),
                ])
        }
    ) { device, form, house, who in
        let reason = try required("reason", "a reason", form)
        _ = try await house.perform(QuarantineDevice(device: device.device.text, reason: reason), as: who)
        return .done
    }

    private static let restore = DeviceVerb(
        path: "restore", action: RestoreDevice.name, done: "The device is restored; it may work again.",
        isImmediate: true
    ) { device, _, house, who in
        _ = try await house.perform(RestoreDevice(device: device.device.text), as: who)
        return .done
    }

    private static let offer = DeviceVerb(
        path: "offer", action: OfferDevice.name, done: "The device is on offer.", cutsOff: true,
        fields: { _, _ in
            Forms.field(
                "days", "Days that the offer stands", value: "14", help: "1 to 90.",
                more: [Attribute("inputmode", "numeric"), .flag("required")])
        }
    ) { device, form, house, who in
        guard let days = Int(try required("days", "a number of days", form)) else {
            throw Refusal(.malformed, "The days are not a number.", hint: "Give 1 to 90.")
        }
        let answer = try await house.perform(OfferDevice(device: device.device.text, days: days), as: who)
        return .secret(
            title: "The device is on offer", secret: answer.code,
            explanation:
                "Give this code to the new owner. It is shown once and kept nowhere; withdraw the offer if it is lost.")
    }

    private static let withdraw = DeviceVerb(
        path: "withdraw", action: WithdrawOffer.name, done: "The offer is withdrawn; the device works for you again.",
        isImmediate: true
    ) { device, _, house, who in
        _ = try await house.perform(WithdrawOffer(device: device.device.text), as: who)
        return .done
    }

    private static let retire = DeviceVerb(
        path: "retire", action: RetireDevice.name, done: "The device is retired. A later contact raises an alarm.",
        cutsOff: true,
        fields: { _, _ in
            Forms.choices(
                "how", "How it ends",
                options: [
                    ("recycled", "Recycled: it goes to a recycler"),
                    ("replaced", "Replaced: another unit takes its place"),
                    ("destroyed", "Destroyed"),
                ])
        }
    ) { device, form, house, who in
        guard let how = RetirementKind(rawValue: try required("how", "how it ends", form)) else {
            throw Refusal(
                .malformed, "That is no way to retire a device.", hint: "Choose recycled, replaced or destroyed.")
        }
        _ = try await house.perform(RetireDevice(device: device.device.text, how: how), as: who)
        return .done
    }

    private static func releaseField(_ device: DeviceView, _ releases: [ReleaseView]) -> HTML {
        let held = max(device.update.installed?.sequence ?? 0, device.update.offered?.sequence ?? 0)
        let newer = releases.filter { $0.sequence > held }.sorted { $0.sequence > $1.sequence }
        if newer.isEmpty {
            return tag(
                "p", .class("notice warn"),
                text: "There is no release of \(device.product) that is newer than what it has.")
        }
        return tag("div", .class("field")) {
            Forms.select(
                "sequence", "Release", chosen: nil,
                options: newer.map { (String($0.sequence), "\($0.version), sequence \($0.sequence)") })
        }
    }

    private static func required(_ name: String, _ what: String, _ form: Form) throws(Refusal) -> String {
        guard let value = form[name] else {
            throw Refusal(.malformed, "The form has no \(what).", hint: "Go back and fill it in.")
        }
        return value
    }
}
