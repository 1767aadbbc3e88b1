import Passport
import Registry
import Store
import Wire

/// The buyer accepts. In one transaction the old tenure ends with its certificates, access, data and data key; the device
/// is then owed a wipe, and the buyer's tenure opens with the receipt of it (`RecordWipe`).
package struct AcceptDevice: Action {
    package static let name = "transfer/accept-device"
    package static let permission = Permission.pair
    package static let maximumFailures = 10

    package var device: String
    package var code: String

    package init(device: String, code: String) {
        self.device = device
        self.code = code
    }

    package func perform(in change: Change) throws -> Done {
        guard let buyer = change.principal.owner else {
            throw Refusal(
                .forbidden, "Only an owner can accept a device.", hint: "Sign in as a person who acts for an owner.",
                rule: "role owner: pair")
        }
        let device = try change.device(device)
        guard
            let row = try change.rows.first(
                "SELECT code_hash, failures, expires, to_owner FROM transfer WHERE device = $1", [Value(device.id)]),
            row.optionalText("to_owner") == nil
        else {
            throw Refusal(
                .notFound, "No transfer of this device is on offer.", hint: "Ask its owner to offer it.",
                rule: "transfer: offer")
        }
        guard try row.time("expires") > change.now else {
            throw Refusal(
                .gone, "The offer has expired.", hint: "Ask its owner to offer it again.", rule: "transfer: offer")
        }
        guard try row.int("failures") < Self.maximumFailures else {
            throw Refusal(
                .tooMany, "The offer is locked after \(Self.maximumFailures) wrong codes.",
                hint: "Ask its owner to withdraw it and offer it again.", rule: "transfer: locked")
        }
        guard try row.text("code_hash") == TransferCode.hash(code, device.id) else {
            try change.rows.execute(
                "UPDATE transfer SET failures = failures + 1 WHERE device = $1", [Value(device.id)])
            throw change.refuseKeeping(
                Refusal(
                    .forbidden, "That is not the code of this transfer.", hint: "Ask its owner for the code.",
                    rule: "transfer: code"))
        }
        guard device.owner != buyer else {
            throw Refusal(.conflict, "The device is yours already.", hint: "Withdraw the offer instead.")
        }
        try change.record(.accepted, on: device.id)
        try Tenures.end(device, because: .affiliationChanged, in: change)
        try change.rows.execute(
            "UPDATE transfer SET to_owner = $1, code_hash = '' WHERE device = $2", [Value(buyer), Value(device.id)])
        try WipeOrders.issue(for: device.id, in: change)
        return Done()
    }
}
