import Agent
import Foundation
import Keys
import KeysFile
import NIOHTTP1
import Passport
import Registry
import Server
import Testing
import Trust
import Wire
import Workbench

/// The device plane, every route with every kind of certificate, in every stage. What is expected is computed from the
/// rights table and from how the device was brought to where it is, and never asked of the server.
@Suite struct `Every route of the device plane` {
    /// A credential of a device: how good it is, as the test made it.
    private struct Credential: Sendable {
        enum Kind: Sendable, Equatable {
            /// Nobody, or nobody's: with the rule that says so, if there is one.
            case nobody(String?)
            case unknown
            case birth, live
            /// Revoked, replaced, of a tenure that is over, or never issued by the registry.
            case dead
            /// No certificate, and a token of the open tenure.
            case token
            /// … and one of a tenure that is over.
            case deadToken
        }
        let name: String
        let kind: Kind
        let identity: ClientIdentity?
        var placed: Placed?
        var headers: HTTPHeaders = [:]
        var receiptKey: (any SigningKey)? { identity?.key }
    }

    /// What a route asks for.
    private enum Need: Sendable {
        case nothing(Int)
        /// Whoever the registry knows.
        case anybodyKnown(Expected)
        /// The birth certificate, then the right. `answer`: what an authorised request of the test gets, as it is made so
        /// that it changes nothing.
        case birth(Right?, Expected)
        case operational(Right, Expected)
        /// Either certificate.
        case either(Right, Expected)
        /// What a device says of a release: with its operational certificate where it has a back end, else with its birth
        /// certificate, as a remedy is told.
        case report(Expected)
        /// What a stock client asks for: with a token or, where there is a back end, with an operational certificate; where
        /// there is none, with either.
        case stock(Right, Expected)
        /// The same of what a device may ask for that could have a remedy.
        case stockRemedy(Expected)

        var takesTokens: Bool {
            switch self {
            case .stock, .stockRemedy: true
            default: false
            }
        }
    }

    private struct Call: Sendable {
        let route: String
        let need: Need
        let send: @Sendable (BenchClient, Credential) async throws -> BenchClient.Answer
    }

    @Test(.timeLimit(.minutes(2))) func `answers each certificate as the rights table says`() async throws {
        let fleet = try await CrossingFleet()
        let crossing = Crossing()
        let calls = try Self.calls(fleet)
        try await DeviceBench.run(fleet.bench, settings: { $0.door.wrongTokens = 10_000 }) { door in
            for credential in try await Self.credentials(fleet) {
                let client = try door.client(credential.identity)
                for call in calls {
                    guard let answer = try? await call.send(client, credential) else {
                        Issue.record("\(call.route) by \(credential.name): no answer")
                        continue
                    }
                    await crossing.compare(
                        call.route, credential.name, Self.expected(call.need, credential), status: answer.status,
                        refusal: answer.refusal, body: answer.text)
                }
            }
        }
        let routes = DeviceDoor(house: fleet.bench.house, settings: .init()).routes().names
        await crossing.conclude("device plane", all: Set(routes))
        #expect(await crossing.cells > 700)
    }

    @Test func `lets no device speak for another`() async throws {
        let fleet = try await CrossingFleet()
        try await DeviceBench.run(fleet.bench) { door in
            let (mine, other) = (try fleet.at(.enrolled), try fleet.at(.replaced))
            let birth = try door.birth(mine.unit)
            let live = try door.client(#require(mine.live).identity)
            let request = try CertificationRequest.enrolment(device: other.unit.device, key: EphemeralKey())
            expectRefusal(try await birth.enrol(request), 403, rule: "STANDARDS: EST subject")
            let renewal = try await live.enrol(
                try Self.renewal(of: #require(other.live), key: EphemeralKey(), fleet.bench),
                at: "/.well-known/est/simplereenroll")
            expectRefusal(renewal, 403, rule: "RFC 7030 §4.2.2")
            let otherKeys: [any SigningKey] = [other.unit.key, try #require(other.live).key]
            for (kind, client) in [(Receipt.Kind.wiped, birth), (.configured, live)] {
                for key in otherKeys {
                    let receipt = Receipt(kind: kind, device: other.unit.device, at: fleet.bench.clock.now, nonce: "n")
                    let seal = try Self.seal(receipt, key)
                    expectRefusal(try await client.post(DeviceAPI.receipts, json: seal), 403, rule: "receipt: device")
                }
            }
        }
    }

    // MARK: - What must come out

    private static func expected(_ need: Need, _ credential: Credential) -> Expected {
        if case .nothing(let status) = need { return Expected(status) }
        switch credential.kind {
        case .nobody(let rule): return Expected(401, rule)
        case .unknown: return Expected(403, "registry: unknown device")
        case .deadToken: return Expected(401, need.takesTokens ? "token: tenure" : "RFC 7030 §3.3.2")
        case .token where !need.takesTokens: return Expected(401, "RFC 7030 §3.3.2")
        case .birth, .live, .dead, .token: break
        }
        guard let spot = credential.placed?.spot else { return Expected(-1) }
        if spot == .retired { return Expected(403, "stage retired: contact") }
        let isBirth = credential.kind == .birth
        switch need {
        case .nothing: return .yes
        case .anybodyKnown(let answer): return answer
        case .birth(let right, let answer):
            if !isBirth { return Expected(403, "IEEE 802.1AR §6") }
            return right.map { ruled($0, spot, answer) } ?? answer
        case .operational(let right, let answer):
            if isBirth { return Expected(403, "IEEE 802.1AR §6") }
            return credential.kind == .dead ? Expected(403, "certificate: revoked") : ruled(right, spot, answer)
        case .report(let answer):
            let hasBackEnd = StageTable.ruling(.backEnd, in: spot.stage) == .yes
            if hasBackEnd == isBirth { return Expected(403, "IEEE 802.1AR §6") }
            if credential.kind == .dead { return Expected(403, "certificate: revoked") }
            return ruled(hasBackEnd ? .backEnd : .firmware, spot, answer)
        case .either(let right, let answer):
            return credential.kind == .dead ? Expected(403, "certificate: revoked") : ruled(right, spot, answer)
        case .stock(let right, let answer):
            return refusedAsStock(credential, spot) ?? ruled(right, spot, answer)
        case .stockRemedy(let answer):
            if let refused = refusedAsStock(credential, spot) { return refused }
            let isRemedy = StageTable.ruling(.firmware, in: spot.stage) == .remedyOnly
            return isRemedy ? answer : ruled(.firmware, spot, answer)
        }
    }

    private static func refusedAsStock(_ credential: Credential, _ spot: Spot) -> Expected? {
        let hasBackEnd = StageTable.ruling(.backEnd, in: spot.stage) == .yes
        if hasBackEnd, credential.kind == .birth { return Expected(403, "IEEE 802.1AR §6") }
        return credential.kind == .dead ? Expected(403, "certificate: revoked") : nil
    }

    /// An ordinary request over the network: neither a remedy, nor a wipe, nor over a station's line.
    private static func ruled(_ right: Right, _ spot: Spot, _ answer: Expected) -> Expected {
        switch StageTable.ruling(right, in: spot.stage) {
        case .yes: answer
        default: Expected(403, "stage \(spot.stage.rawValue): \(right.rawValue)")
        }
    }

    // MARK: - What is tried

    private static func calls(_ fleet: CrossingFleet) throws -> [Call] {
        let at = fleet.bench.clock.now
        let digest = Digest([UInt8](repeating: 5, count: 32))
        var calls = [
            Call(route: "GET \(DeviceAPI.status)", need: .anybodyKnown(.yes)) { client, who in
                try await client.get(DeviceAPI.status, headers: who.headers)
            },
            Call(route: "POST \(DeviceAPI.checkIn)", need: .operational(.backEnd, .yes)) { client, who in
                let report = CheckInReport(agent: "test/1", sequence: 0, version: "1.0.0", log: [])
                return try await client.send(
                    .POST, DeviceAPI.checkIn, CanonicalJSON.encode(report), type: "application/json",
                    headers: who.headers)
            },
            Call(
                route: "GET \(DeviceAPI.metadata)*", need: .anybodyKnown(Expected(404, "TUF 1.0.34 §6.2"))
            ) { client, who in
                try await client.get(DeviceAPI.metadata + "timestamp.json", headers: who.headers)
            },
            Call(route: "GET \(DeviceAPI.artifacts)*", need: .either(.firmware, .yes)) { client, who in
                try await client.get(DeviceAPI.artifacts + fleet.artifact, headers: who.headers)
            },
            // From what it was never known to run.
            Call(
                route: "GET \(DeviceAPI.artifacts)*/from/*", need: .either(.firmware, Expected(404, "update: delta"))
            ) { client, who in
                try await client.get(DeviceAPI.artifacts + "\(fleet.artifact)/from/\(digest)", headers: who.headers)
            },
            // Of a release that is encrypted for nobody: who may ask learns that.
            Call(
                route: "GET \(DeviceAPI.envelopes)*",
                need: .operational(.backEnd, Expected(403, "update: offered only"))
            ) { client, who in
                try await client.get(DeviceAPI.envelopes + "\(digest)", headers: who.headers)
            },
        ]
        func receipt(_ kind: Receipt.Kind, _ need: Need) {
            calls.append(
                Call(route: "POST \(DeviceAPI.receipts)", need: need) { client, who in
                    let device = who.placed?.unit.device ?? DeviceID(trusted: "nobody")
                    // What no order, challenge, offer or configuration was ever given for.
                    let receipt = Receipt(
                        kind: kind, device: device, at: at, nonce: "none", release: digest, sequence: 99,
                        configuration: 99)
                    let key = who.receiptKey ?? EphemeralKey()
                    return try await client.send(
                        .POST, DeviceAPI.receipts, CanonicalJSON.encode(try seal(receipt, key)),
                        type: "application/json", headers: who.headers)
                })
        }
        receipt(.wiped, .birth(nil, Expected(409, "receipt: nonce")))
        receipt(.pairingProof, .birth(nil, Expected(409, "pairing: nonce")))
        receipt(.configured, .operational(.backEnd, Expected(409, "passport: configure")))
        for kind in [Receipt.Kind.updated, .rolledBack, .refused] {
            receipt(kind, .report(Expected(409, "passport: update")))
        }
        for (prefix, path) in [
            ("", ""), ("", "/*"), ("/*", ""),
        ] { calls += enrolment(prefix, path, fleet.bench) }
        calls += mender()
        return calls
            + StockCalls.all(fleet).map { stock in
                Call(route: "\(stock.method.rawValue) /*/controller/v1/*\(stock.route)", need: need(of: stock)) {
                    client, who in
                    let unit = who.placed?.unit
                    let path = "/DEFAULT/controller/v1/\(unit?.serial ?? "NOBODY")"
                    let below = try await stock.path(unit)
                    return try await client.send(
                        stock.method, path + below, stock.body.map { Array($0.utf8) }, type: "application/json",
                        headers: who.headers)
                }
            }
    }

    /// Mender's interface: nothing that belongs to another interface is a session or a link (what those may is shown in
    /// `The rights of a client of Mender's interface`).
    private static func mender() -> [Call] {
        let deployments = "/api/devices/v1/deployments/device/deployments"
        let routes: [(HTTPMethod, String, String?, Int)] = [
            (.POST, "/api/devices/v1/authentication/auth_requests", "{}", 400),
            (.PUT, "/api/devices/v1/inventory/device/attributes", "[]", 401),
            (.PATCH, "/api/devices/v1/inventory/device/attributes", "[]", 401),
            (.POST, "/api/devices/v2/deployments/device/deployments/next", "{}", 401),
            (.POST, deployments + "/next", "{}", 401), (.GET, deployments + "/next", nil, 401),
            (.PUT, deployments + "/*/status", "{}", 401), (.PUT, deployments + "/*/log", "{}", 401),
            (.GET, "/api/devices/v1/deployments/download/*", nil, 401),
        ]
        return routes.map { method, route, body, status in
            Call(route: "\(method.rawValue) \(route)", need: .nothing(status)) { client, who in
                try await client.send(
                    method, route.replacingOccurrences(of: "*", with: "1"), body.map { Array($0.utf8) },
                    type: "application/json", headers: who.headers)
            }
        }
    }

    private static func need(of call: StockCalls.Call) -> Need {
        call.right.map { .stock($0, Expected(call.answer, call.rule)) }
            ?? .stockRemedy(Expected(call.answer, call.rule))
    }

    /// EST below one of the three shapes of its path.
    private static func enrolment(_ front: String, _ label: String, _ bench: HouseBench) -> [Call] {
        let base = front + "/.well-known/est" + label
        let live = base.replacingOccurrences(of: "*", with: "line")
        // A key that served before: whoever may enrol is refused for it, and nobody else learns that.
        let used = Expected(409, "one key, one tenure")
        return ["cacerts", "csrattrs"].map { name in
            Call(route: "GET \(base)/\(name)", need: .nothing(200)) { client, who in
                try await client.get("\(live)/\(name)", headers: who.headers)
            }
        } + [
            Call(route: "POST \(base)/serverkeygen", need: .nothing(415)) { client, who in
                try await client.enrol([0x30, 0], at: "\(live)/serverkeygen", headers: who.headers)
            },
            Call(route: "POST \(base)/simpleenroll", need: .birth(.certificate, used)) { client, who in
                let key: any SigningKey = who.placed?.unit.key ?? EphemeralKey()
                let device = who.placed?.unit.device ?? DeviceID(trusted: "nobody")
                return try await client.enrol(
                    CertificationRequest.enrolment(device: device, key: key), at: "\(live)/simpleenroll",
                    headers: who.headers)
            },
            Call(route: "POST \(base)/simplereenroll", need: .operational(.certificate, used)) { client, who in
                let key: any SigningKey = who.placed?.unit.key ?? EphemeralKey()
                var request = try CertificationRequest.enrolment(device: DeviceID(trusted: "nobody"), key: key)
                if let shown = who.placed.flatMap({ $0.live ?? $0.old }) {
                    request = try renewal(of: shown, key: key, bench)
                }
                return try await client.enrol(request, at: "\(live)/simplereenroll", headers: who.headers)
            },
        ]
    }

    private static func renewal(of held: Operational, key: any SigningKey, _ bench: HouseBench) throws -> [UInt8] {
        let shown = try bench.house.authorities.verifier(for: .operational).verify(
            leaf: held.certificate, at: bench.clock.now, purpose: .operational
        ).get()
        return try CertificationRequest.renewal(
            subjectDER: shown.subjectDER, alternativeNamesDER: shown.sanDER, key: key)
    }

    private static func seal(_ receipt: Receipt, _ key: any SigningKey) throws -> Seal {
        try Seal.sign(type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: key)
    }

    // MARK: - Who tries

    private static func credentials(_ fleet: CrossingFleet) async throws -> [Credential] {
        var all = try await nobodies(fleet)
        for placed in fleet.placed {
            let spot = placed.spot.rawValue
            all.append(
                Credential(
                    name: "\(spot), birth", kind: .birth,
                    identity: ClientIdentity(chain: [placed.unit.certificate], key: placed.unit.key), placed: placed))
            if let live = placed.live {
                all.append(Credential(name: "\(spot), live", kind: .live, identity: live.identity, placed: placed))
            }
            if let old = placed.old {
                var shown = placed
                shown.live = old
                all.append(Credential(name: "\(spot), old", kind: .dead, identity: old.identity, placed: shown))
            }
            if let token = placed.token {
                let isOpen = placed.spot.owner == "Ada"
                var shown = Credential(
                    name: "\(spot), token", kind: isOpen ? .token : .deadToken, identity: nil, placed: placed)
                shown.headers = ["Authorization": "TargetToken \(token)"]
                all.append(shown)
            }
        }
        return all
    }

    private static func nobodies(_ fleet: CrossingFleet) async throws -> [Credential] {
        let house = fleet.bench.house
        let placed = try fleet.at(.enrolled)
        let forge = try Forge(fleet)
        func bad(_ name: String, _ rule: String?, _ identity: ClientIdentity?) -> Credential {
            Credential(name: name, kind: .nobody(rule), identity: identity, placed: placed)
        }
        let token = try await fleet.bench.token(for: "Ada herself")
        let service = try await ServiceCertificates.server(house)
        var all = [
            bad("nobody", "RFC 7030 §3.3.2", nil), bad("a foreign birth", nil, try forge.foreignBirth(placed)),
            bad("a foreign operational", nil, try forge.foreignOperational(placed)),
            bad(
                "an expired operational", "RFC 5280 §6.1.3 (a)(2): expired",
                try forge.operational(placed, days: -9...(-2))),
            bad(
                "an operational of tomorrow", "RFC 5280 §6.1.3 (a)(2): not yet valid",
                try forge.operational(placed, days: 1...9)),
            bad("the server", nil, ClientIdentity(chain: service.chain, key: service.key)),
            bad("the OCSP responder", nil, try await forge.responder()),
            Credential(name: "a unit that was never imported", kind: .unknown, identity: fleet.stranger),
            // Right signature, right names, and the registry never issued it.
            Credential(
                name: "an operational that was never issued", kind: .dead,
                identity: try forge.operational(placed, days: -1...9),
                placed: placed),
        ]
        // A person's credentials are none here.
        var tokenBearer = bad("an owner's token", "RFC 7030 §3.3.2", nil)
        tokenBearer.headers = ["Authorization": "Bearer \(token)"]
        var cookie = bad("a session's cookie", "RFC 7030 §3.3.2", nil)
        cookie.headers = ["Cookie": "lifelong_session=\(token)"]
        // Another device's token, one that nobody gave out, and one for all devices.
        var wrong = bad("another's token", nil, nil)
        wrong.headers = ["Authorization": "TargetToken \(try fleet.at(.replaced).token ?? "")"]
        var invented = bad("an invented token", nil, nil)
        invented.headers = ["Authorization": "TargetToken \(String(repeating: "0", count: 64))"]
        var gateway = bad("a gateway token", nil, nil)
        gateway.headers = ["Authorization": "GatewayToken \(placed.token ?? "")"]
        all += [tokenBearer, cookie, wrong, invented, gateway]
        return all
    }
}
