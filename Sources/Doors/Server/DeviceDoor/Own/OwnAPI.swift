import Crypto
import NIOCore
import NIOHTTP1
import Pairing
import Passport
import Registry
import Transfer
import Trust
import Use
import Wire

/// `/device/v1/…`: status, check-in, receipts, artifacts, update metadata (docs/openapi/device.yaml).
struct OwnAPI: Sendable {
    let door: DeviceDoor

    func add(to routes: inout PlaneRoutes) {
        routes.get(DeviceAPI.status) { try status($0) }
        routes.post(DeviceAPI.checkIn, limit: DeviceAPI.maximumCheckInBytes) { try checkIn($0) }
        routes.post(DeviceAPI.receipts, limit: DeviceAPI.maximumReceiptBytes) { try receipt($0) }
        routes.get(DeviceAPI.artifacts + "*") { try artifact($0) }
        routes.get(DeviceAPI.envelopes + "*") { try envelope($0) }
        // The same for everybody, and proven by itself; here for devices that reach nothing else.
        routes.get(DeviceAPI.metadata + "*") { request in
            try door.asCaller(request) { _ in UpdateAnswers(door.house).answer(request) }
        }
        routes.get(DeviceAPI.artifacts + "*" + DeviceAPI.deltaFrom + "*") { try delta($0) }
    }

    private func status(_ request: PlaneRequest) throws -> PlaneOutcome {
        try door.asCaller(request) { caller in
            let house = door.house
            let status = Standing.status(of: caller.passport, shown: caller.shown, at: house.clock())
            let hasRemedy = caller.passport.offeredUpdate != nil && !caller.passport.allows(.backEnd)
            if !hasRemedy, Standing.isWhole(status, of: caller.passport) { return .now(try .json(status)) }
            return .later {
                try .json(
                    try await house.read { rows in
                        var status = try Standing.status(
                            of: caller.passport, shown: caller.shown, at: house.clock(), in: rows)
                        status.update = try Updates.forStatus(of: caller.passport, in: rows)
                        if status.update != nil {
                            status.successions = house.authorities.successions(
                                of: .release, after: request.number(DeviceAPI.succession) ?? 0)
                        }
                        return status
                    })
            }
        }
    }

    private func checkIn(_ request: PlaneRequest) throws -> PlaneOutcome {
        try door.asCaller(request) { caller in
            try caller.requireOperational()
            try caller.passport.demand(.backEnd)
            let report = try report(request)
            let action = CheckIn(device: caller.device, report: report, shown: caller.shown)
            if let desired = try action.perform(with: caller.passport, in: door.house) {
                return .now(PlaneAnswer(try desired.json(), type: "application/json"))
            }
            return .later { PlaneAnswer(try await action.perform(in: door.house).json(), type: "application/json") }
        }
    }

    private func report(_ request: PlaneRequest) throws -> CheckInReport {
        try demandJSON(request)
        let plain = request.body.withUnsafeReadableBytes { bytes -> CheckInReport? in
            if let same = request.peer.shown?.report(in: bytes) { return same }
            guard let plain = CheckInReport(plain: bytes) else { return nil }
            request.peer.shown?.keep(plain, readFrom: bytes)
            return plain
        }
        if let plain { return plain }
        return try json(request, limit: DeviceAPI.maximumCheckInBytes)
    }

    private func receipt(_ request: PlaneRequest) throws -> PlaneOutcome {
        try door.asCaller(request, bringing: { try seal(request).payloadBytes() }) { caller in
            let seal = try seal(request)
            let claimed = try CanonicalJSON.decode(Receipt.self, from: seal.payloadBytes())
            let device = Principal.device(caller.device)
            let house = door.house
            switch claimed.kind {
            case .wiped:
                try caller.requireBirth()
                return .later { try .json(try await house.perform(RecordWipe(seal: seal), as: device)) }
            case .pairingProof:
                try caller.requireBirth()
                return .later { try .json(try await house.perform(ProvePresence(seal: seal), as: device)) }
            case .updated, .rolledBack, .refused, .configured:
                // Where there is no back end, the birth certificate is what a device has (`Receipts`).
                let overBirth = claimed.kind != .configured && !caller.passport.allows(.backEnd)
                if overBirth { try caller.requireBirth() } else { try caller.requireOperational() }
                return .later { try .json(try await house.perform(RecordReceipt(seal: seal), as: device)) }
            }
        }
    }

    private func seal(_ request: PlaneRequest) throws -> Seal {
        try json(request, limit: DeviceAPI.maximumReceiptBytes)
    }

    private func artifact(_ request: PlaneRequest) throws -> PlaneOutcome {
        try door.asCaller(request) { caller in
            if !caller.isBirth { try caller.requireOperational() }
            guard let sha256 = request.parameters.first.flatMap({ Digest(hex: String($0)) }), sha256.bytes.count == 32
            else {
                throw Refusal(
                    .malformed, "The path does not end in a SHA-256.", hint: "Use the path from the check-in.")
            }
            let house = door.house
            return .later {
                try await house.read { rows in
                    // Judged again on the state of this moment, not of when the connection was made.
                    try Updates.demand(sha256, for: Device.require(caller.device.text, in: rows), in: rows)
                }
                return try ArtifactFile(folder: house.settings.artifactFolder, sha256: sha256).answer(to: request)
            }
        }
    }

    private func envelope(_ request: PlaneRequest) throws -> PlaneOutcome {
        try door.asCaller(request) { caller in
            try caller.requireOperational()
            guard let release = request.parameters.first.flatMap({ Digest(hex: String($0)) }), release.bytes.count == 32
            else {
                throw Refusal(
                    .malformed, "The path does not end in a release's digest.", hint: "Use the manifest's SHA-256.")
            }
            let (envelopes, device, shown) = (door.envelopes, caller.device, caller.shown)
            return .later { try .json(try await envelopes.envelope(of: release, for: device, shown: shown)) }
        }
    }

    /// From the release that the device is known to run to the one that is offered to it.
    private func delta(_ request: PlaneRequest) throws -> PlaneOutcome {
        try door.asCaller(request) { caller in
            if !caller.isBirth { try caller.requireOperational() }
            let named = request.parameters.compactMap { Digest(hex: String($0)) }
            guard named.count == 2, named.allSatisfy({ $0.bytes.count == 32 }) else {
                throw Refusal(
                    .malformed, "The path does not name two artifacts by their SHA-256.",
                    hint: "Fetch the whole artifact.")
            }
            let house = door.house
            return .later {
                try await house.read { rows in
                    let device = try Device.require(caller.device.text, in: rows)
                    try Updates.demand(named[0], for: device, in: rows)
                    try Updates.demandInstalled(named[1], on: device, in: rows)
                }
                let path = try await door.deltas.path(from: named[1], to: named[0])
                let name = Digest(SHA256.hash(data: named[1].bytes + named[0].bytes))
                return try ArtifactFile(path, named: name).answer(to: request)
            }
        }
    }

    private func demandJSON(_ request: PlaneRequest) throws(Refusal) {
        guard
            request.headers.first(name: "Content-Type") == "application/json"
                || request.mediaType == "application/json"
        else {
            throw Refusal(
                .unsupported, "The body must be application/json.",
                hint: "Send JSON with \"Content-Type: application/json\".")
        }
    }

    private func json<T: Decodable>(_ request: PlaneRequest, limit: Int) throws -> T {
        try demandJSON(request)
        return try CanonicalJSON.decode(T.self, from: Array(request.body.readableBytesView), limit: limit)
    }
}
