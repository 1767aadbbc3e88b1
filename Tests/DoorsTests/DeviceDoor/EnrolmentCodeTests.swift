import Agent
import NIOHTTP1
import Pairing
import Passport
import Registry
import Store
import Testing
import Transfer
import Trust
import Wire
import Workbench

@Suite struct `A one-time enrolment code` {
    private func basic(_ user: String, _ password: String) -> HTTPHeaders {
        ["Authorization": "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"]
    }

    private func request(_ scene: DeviceScene) throws -> [UInt8] {
        try CertificationRequest.enrolment(device: scene.unit.device, key: EphemeralKey())
    }

    private func code(_ scene: DeviceScene) async throws -> String {
        try await scene.bench.house.perform(IssueEnrolmentCode(device: scene.unit.serial), as: scene.ada).code
    }

    @Test func `stands for the birth certificate, once`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let nobody = try door.client()
            for user in [scene.unit.serial, scene.unit.device.text] {
                let headers = basic(user, try await code(scene))
                #expect(try await nobody.enrol(request(scene), headers: headers).status == 200)
                let again = try await nobody.enrol(request(scene), headers: headers)
                expectRefusal(again, 401, rule: "RFC 7030 §3.2.3")
                #expect(again.headers.first(name: "WWW-Authenticate") == "Basic realm=\"lifelong\", charset=\"UTF-8\"")
            }
        }
    }

    @Test func `is not used up by a request that is refused`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let nobody = try door.client()
            let headers = basic(scene.unit.serial, try await code(scene))
            let foreign = try CertificationRequest.birth(serial: "ANOTHER-1", key: EphemeralKey())
            expectRefusal(try await nobody.enrol(foreign, headers: headers), 403, rule: "STANDARDS: EST subject")
            expectRefusal(try await nobody.enrol([1, 2, 3], headers: headers), 400)
            #expect(try await nobody.enrol(request(scene), headers: headers).status == 200)
        }
    }

    @Test func `serves one of many requests at once`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let headers = basic(scene.unit.serial, try await code(scene))
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await door.client().enrol(request(scene), headers: headers).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 200 } == 1 && statuses.count { $0 == 401 } == 7)
        }
    }

    @Test func `is void after ten wrong ones, and a person hears of it`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let nobody = try door.client()
            let right = basic(scene.unit.serial, try await code(scene))
            for _ in 0..<EnrolmentCode.maximumFailures {
                expectRefusal(
                    try await nobody.enrol(request(scene), headers: basic(scene.unit.serial, "0000-0000-0000-0000")),
                    401)
            }
            expectRefusal(try await nobody.enrol(request(scene), headers: right), 401)
            #expect(try await scene.bench.alarms(.pairingLocked, on: scene.unit) == 1)
            #expect(
                try await nobody.enrol(request(scene), headers: basic(scene.unit.serial, try await code(scene))).status
                    == 200)
        }
    }

    @Test func `expires, is replaced by a newer one and dies with the tenure`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let nobody = try door.client()
            let first = try await code(scene)
            let second = try await code(scene)
            expectRefusal(try await nobody.enrol(request(scene), headers: basic(scene.unit.serial, first)), 401)
            scene.bench.clock.advance(seconds: EnrolmentCode.lifeSeconds)
            expectRefusal(try await nobody.enrol(request(scene), headers: basic(scene.unit.serial, second)), 401)

            let third = try await code(scene)
            let house = scene.bench.house
            let offer = try await house.perform(OfferDevice(device: scene.unit.serial), as: scene.ada).code
            expectRefusal(try await nobody.enrol(request(scene), headers: basic(scene.unit.serial, third)), 403)
            let ben = try await scene.bench.ownership("Ben")
            _ = try await house.perform(AcceptDevice(device: scene.unit.serial, code: offer), as: ben)
            try await scene.wipe(door)
            expectRefusal(try await nobody.enrol(request(scene), headers: basic(scene.unit.serial, third)), 401)
        }
    }

    @Test func `is given to the owner of a device in use and to nobody else`() async throws {
        let scene = try await DeviceScene()
        let house = scene.bench.house
        let ben = try await scene.bench.ownership("Ben")
        let action = IssueEnrolmentCode(device: scene.unit.serial)
        for (principal, rule) in [(ben, "tenure: owner only"), (Principal(role: .support), "role support: own")] {
            await #expect { try await house.perform(action, as: principal) } throws: { ($0 as? Refusal)?.rule == rule }
        }
        try await scene.quarantine()
        await #expect { try await house.perform(action, as: scene.ada) } throws: {
            ($0 as? Refusal)?.rule == "stage quarantined: certificate"
        }
    }

    @Test func `is kept as a hash and opens nothing but enrolment`() async throws {
        let scene = try await DeviceScene()
        let code = try await code(scene)
        let kept = try await scene.bench.house.read { rows in
            try rows.query("SELECT nonce FROM nonce").map { try $0.text("nonce") }
        }
        #expect(kept.count == 1 && kept[0].utf8.count == 64 && !kept[0].contains(code))
        try await DeviceBench.run(scene.bench) { door in
            let nobody = try door.client()
            let headers = basic(scene.unit.serial, code)
            expectRefusal(try await nobody.get(DeviceAPI.status, headers: headers), 401)
            expectRefusal(
                try await nobody.enrol(request(scene), at: "/.well-known/est/simplereenroll", headers: headers), 401)
            for header in [
                "Basic", "Basic !", "Basic \(Base64.encode(Array("nocolon".utf8)))", "Bearer \(code)",
                "Basic " + String(repeating: "A", count: 600),
            ] {
                expectRefusal(try await nobody.enrol(request(scene), headers: ["Authorization": header]), 401)
            }
            expectRefusal(try await nobody.enrol(request(scene), headers: basic("NOBODY-1", code)), 401)
        }
    }
}
