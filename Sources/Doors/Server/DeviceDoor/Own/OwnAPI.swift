import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Pairing
import Passport
import Registry
import Transfer
import Trust
import Use
import Wire

/// `/device/v1/…`: status, check-in, receipts, artifacts (docs/openapi/device.yaml).
struct OwnAPI: Sendable {
    let door: DeviceDoor

    func add(to router: Router<DeviceContext>) {
        router.get(RouterPath(DeviceAPI.status)) { _, context in try await status(context) }
        router.post(RouterPath(DeviceAPI.checkIn)) { request, context in try await checkIn(request, context) }
        router.post(RouterPath(DeviceAPI.receipts)) { request, context in try await receipt(request, context) }
        router.get(RouterPath(DeviceAPI.artifacts + ":sha256")) { request, context in
            try await artifact(request, context)
        }
    }

    private func status(_ context: DeviceContext) async throws -> Response {
        let caller = try await door.authentication.caller(context)
        let house = door.house
        return try Answers.json(
            try await house.read { rows in
                var status = try Standing.status(of: caller.device, shown: caller.shown, house: house, in: rows)
                status.update = try Updates.forStatus(of: caller.device, in: rows)
                return status
            })
    }

    private func checkIn(_ request: Request, _ context: DeviceContext) async throws -> Response {
        let caller = try await door.authentication.caller(context)
        try caller.requireOperational()
        try caller.device.passport.demand(.backEnd)
        let report: CheckInReport = try await json(request, limit: DeviceAPI.maximumCheckInBytes)
        let action = CheckIn(device: caller.device.id, report: report, shown: caller.shown)
        return try Answers.json(try await action.perform(in: door.house))
    }

    private func receipt(_ request: Request, _ context: DeviceContext) async throws -> Response {
        let caller = try await door.authentication.caller(context)
        let seal: Seal = try await json(request, limit: DeviceAPI.maximumReceiptBytes)
        let claimed = try CanonicalJSON.decode(Receipt.self, from: seal.payloadBytes())
        let device = Principal.device(caller.device.id)
        switch claimed.kind {
        case .wiped:
            try caller.requireBirth()
            return try Answers.json(try await door.house.perform(RecordWipe(seal: seal), as: device))
        case .pairingProof:
            try caller.requireBirth()
            return try Answers.json(try await door.house.perform(ProvePresence(seal: seal), as: device))
        case .updated, .rolledBack, .refused, .configured:
            // Where there is no back end, the birth certificate is what a device has (`Receipts`).
            let overBirth = claimed.kind != .configured && !caller.device.passport.may(.backEnd).allowed
            if overBirth { try caller.requireBirth() } else { try caller.requireOperational() }
            return try Answers.json(try await door.house.perform(RecordReceipt(seal: seal), as: device))
        }
    }

    private func artifact(_ request: Request, _ context: DeviceContext) async throws -> Response {
        let caller = try await door.authentication.caller(context)
        if !caller.isBirth { try caller.requireOperational() }
        guard let sha256 = context.parameters.get("sha256").flatMap({ Digest(hex: $0) }), sha256.bytes.count == 32
        else {
            throw Refusal(.malformed, "The path does not end in a SHA-256.", hint: "Use the path from the check-in.")
        }
        try await door.house.read { rows in
            // Judged again on the state of this moment, not of when the connection was made.
            try Updates.demand(sha256, for: Device.require(caller.device.id.text, in: rows), in: rows)
        }
        return try ArtifactFile(folder: door.house.settings.artifactFolder, sha256: sha256).answer(to: request)
    }

    private func json<T: Decodable>(_ request: Request, limit: Int) async throws -> T {
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased() }
        guard type == "application/json" else {
            throw Refusal(
                .unsupported, "The body must be application/json.",
                hint: "Send JSON with \"Content-Type: application/json\".")
        }
        return try CanonicalJSON.decode(T.self, from: try await door.body(of: request, limit: limit), limit: limit)
    }
}
