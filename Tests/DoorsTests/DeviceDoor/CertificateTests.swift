import Agent
import NIOHTTP1
import Passport
import Registry
import Testing
import Trust
import Wire
import Workbench

@Suite struct `A client certificate` {
    @Test func `must be there`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let nobody = try door.client()
            expectRefusal(try await nobody.get(DeviceAPI.status), 401, rule: "RFC 7030 §3.3.2")
            expectRefusal(try await nobody.post(DeviceAPI.checkIn, json: scene.report()), 401)
            let request = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
            for path in ["simpleenroll", "simplereenroll"] {
                let answer = try await nobody.enrol(request, at: "/.well-known/est/\(path)")
                expectRefusal(answer, 401)
                #expect(answer.headers.first(name: "WWW-Authenticate")?.hasPrefix("Basic realm=\"lifelong\"") == true)
            }
            #expect(try await nobody.get("/.well-known/est/cacerts").status == 200)
        }
    }

    @Test func `of another authority authenticates nobody, whatever it says`() async throws {
        let scene = try await DeviceScene()
        let now = scene.bench.clock.now
        let key = EphemeralKey()
        let intent = try Profile.root(
            name: "Example Maker Maker Root", organisation: "Example Maker", key: key, serial: BenchClock.random(16),
            notBefore: now.adding(days: -1), notAfter: now.adding(days: 100))
        let foreign = try Authority(root: IssuanceToken(stored: intent), key: key)
        let birth = try foreign.sign(
            IssuanceToken(
                stored: Profile.birth(
                    under: foreign, spki: scene.unit.key.publicKeyDER, deviceSerial: scene.unit.serial,
                    product: HouseBench.product.text, organisation: "Example Maker",
                    hardwareType: [1, 3, 6, 1, 4, 1, 32473, 1],
                    serial: BenchClock.random(16), notBefore: now)))
        let operational = try foreign.sign(
            IssuanceToken(
                stored: Profile.operational(
                    under: foreign, spki: scene.operational.key.publicKeyDER, device: scene.unit.device.text,
                    organisation: "Example Maker", serial: BenchClock.random(16), notBefore: now,
                    notAfter: now.adding(days: 1))))
        let keys: [any SigningKey] = [scene.unit.key, scene.operational.key]
        try await DeviceBench.run(scene.bench) { door in
            for (der, key) in zip([birth, operational], keys) {
                let client = try door.client(ClientIdentity(chain: [der, foreign.certificate], key: key))
                expectRefusal(try await client.get(DeviceAPI.status), 401)
                expectRefusal(try await client.post(DeviceAPI.checkIn, json: scene.report()), 401)
            }
        }
    }

    @Test func `that is not the key's does not get through the handshake`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let thief = ClientIdentity(chain: [scene.operational.certificate], key: EphemeralKey())
            await #expect(throws: (any Error).self) {
                _ = try await door.client(thief).get(DeviceAPI.status)
            }
        }
    }

    /// An authority's key may sign certificates, and no handshake (RFC 5280 §4.2.1.3).
    @Test func `of an authority opens nothing, although it chains`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            for name in [Authorities.Name.issuing, Authorities.Name.makerRoot, Authorities.Name.operationalRoot] {
                let authority = try scene.bench.house.authorities.signing(name)
                let client = try door.client(ClientIdentity(chain: [authority.certificate], key: authority.key))
                let answer = try? await client.get(DeviceAPI.status)
                #expect(answer == nil || answer?.status == 401, "\(name): \(answer?.text ?? "")")
            }
            #expect(try await door.client(scene.operational.identity).get(DeviceAPI.status).status == 200)
        }
    }

    @Test func `is judged by its dates at every request, also on a connection that is open`() async throws {
        let scene = try await DeviceScene { $0.operationalSeconds = 600 }
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            #expect(try await client.get(DeviceAPI.status).status == 200)
            // Issued a minute back; the clock goes two.
            scene.bench.clock.advance(seconds: -120)
            expectRefusal(try await client.get(DeviceAPI.status), 401, rule: "RFC 5280 §6.1.3 (a)(2): not yet valid")
            scene.bench.clock.advance(seconds: 120)
            #expect(try await client.get(DeviceAPI.status).status == 200)
            scene.bench.clock.advance(seconds: 601)
            expectRefusal(try await client.get(DeviceAPI.status), 401, rule: "RFC 5280 §6.1.3 (a)(2): expired")
            expectRefusal(try await client.post(DeviceAPI.checkIn, json: scene.report()), 401)
            // The birth certificate still is good, and says how to go on.
            #expect(try await door.birth(scene.unit).status().state == .notEnrolled)
        }
    }

    @Test func `of birth does not do where an operational one is needed, nor the reverse`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let birth = try door.birth(scene.unit)
            let operational = try door.client(scene.operational.identity)
            let request = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
            let rule = "IEEE 802.1AR §6"
            expectRefusal(try await birth.post(DeviceAPI.checkIn, json: scene.report()), 403, rule: rule)
            expectRefusal(try await birth.enrol(request, at: "/.well-known/est/simplereenroll"), 403, rule: rule)
            expectRefusal(try await operational.enrol(request), 403, rule: rule)
            let wiped = Receipt(kind: .wiped, device: scene.unit.device, at: scene.bench.clock.now, nonce: "x")
            expectRefusal(
                try await operational.post(DeviceAPI.receipts, json: scene.seal(wiped, with: scene.unit.key)), 403,
                rule: rule)
            let updated = Receipt(kind: .updated, device: scene.unit.device, at: scene.bench.clock.now)
            expectRefusal(
                try await birth.post(DeviceAPI.receipts, json: scene.seal(updated, with: scene.operational.key)), 403,
                rule: rule)
        }
    }

    @Test func `that is replaced or revoked serves for the status only`() async throws {
        let scene = try await DeviceScene()
        let newer = try await scene.bench.enrol(scene.unit)
        try await DeviceBench.run(scene.bench) { door in
            let old = try door.client(scene.operational.identity)
            #expect(try await old.status().state == .revoked)
            expectRefusal(
                try await old.post(DeviceAPI.checkIn, json: scene.report()), 403, rule: "certificate: revoked")
            let request = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
            expectRefusal(
                try await old.enrol(request, at: "/.well-known/est/simplereenroll"), 403, rule: "certificate: revoked")
            expectRefusal(
                try await old.get(DeviceAPI.artifacts + String(repeating: "0", count: 64)), 403,
                rule: "certificate: revoked")
            #expect(try await door.client(newer.identity).post(DeviceAPI.checkIn, json: scene.report()).status == 200)
        }
    }

    @Test func `of another device speaks for that device only`() async throws {
        let scene = try await DeviceScene()
        let other = try await scene.bench.makeUnits(1, station: "line-2")[0]
        try await scene.bench.pair(other, with: scene.ada)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.birth(other)
            #expect(try await client.status().device == other.device)
            let request = try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
            expectRefusal(try await client.enrol(request), 403, rule: "STANDARDS: EST subject")
        }
    }
}
