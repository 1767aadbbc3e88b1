import Manufacture
import NIOHTTP1
import Passport
import Registry
import Retirement
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

@Suite struct `A device asks for its status` {
    @Test func `in every stage of its life and is told what to do`() async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        let unit = try await bench.makeUnits(1, shipped: false)[0]
        let (ada, ben) = (try await bench.ownership("Ada"), try await bench.ownership("Ben"))
        let house = bench.house
        try await DeviceBench.run(bench) { door in
            let client = try door.birth(unit)
            func expect(
                _ state: DeviceStatus.State, _ stage: Stage, sourceLocation: SourceLocation = #_sourceLocation
            ) async throws -> DeviceStatus {
                let status = try await client.status()
                #expect(status.state == state && status.stage == stage.rawValue, sourceLocation: sourceLocation)
                #expect(!status.reason.isEmpty && !status.hint.isEmpty, sourceLocation: sourceLocation)
                return status
            }
            _ = try await expect(.notPaired, .made)
            #expect(try await bench.alarms(.contactBeforeShipping, on: unit) == 1)

            _ = try await house.perform(ShipDevices(devices: [unit.serial]), as: .system)
            #expect(try await expect(.notPaired, .shipped).enrol == nil)

            try await bench.pair(unit, with: ada)
            #expect(try await expect(.notEnrolled, .inUse).enrol == "/.well-known/est")

            let operational = try door.client(try await bench.enrol(unit).identity)
            #expect(try await operational.status().state == .enrolled)
            _ = try await expect(.enrolled, .inUse)

            _ = try await house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
            _ = try await expect(.quarantined, .quarantined)
            _ = try await house.perform(RestoreDevice(device: unit.serial), as: .system)

            let code = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
            #expect(try await expect(.transferPending, .inTransfer).wipe == nil)
            _ = try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ben)
            let order = try #require(try await expect(.transferPending, .inTransfer).wipe)
            try await wipe(unit, order.nonce, client)
            _ = try await expect(.notEnrolled, .inUse)
            #expect(try await operational.status().state == .revoked)

            _ = try await house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
            let last = try #require(try await expect(.retired, .retired).wipe)
            #expect(try await bench.alarms(.contactAfterRetirement, on: unit) == 0)
            try await wipe(unit, last.nonce, client)
            // Its answer was lost: the same receipt again is no contact after its life. Any other request is one.
            try await wipe(unit, last.nonce, client)
            #expect(try await bench.alarms(.contactAfterRetirement, on: unit) == 0)
            expectRefusal(try await client.get(DeviceAPI.status), 403)
            #expect(try await bench.alarms(.contactAfterRetirement, on: unit) == 1)
        }
    }

    @Test func `that is retired, and is heard of also with a receipt that is none`() async throws {
        let bench = try await HouseBench(atRealTime: { _ in })
        let ada = try await bench.ownership("Ada")
        let units = try await bench.makeUnits(4)
        try await DeviceBench.run(bench) { door in
            let junk: [(String, [UInt8])] = [
                ("application/json", Array("{".utf8)), ("application/json", Array(#"{"payload":"é"}"#.utf8)),
                ("text/plain", Array("{}".utf8)), ("application/json", []),
            ]
            for (unit, (type, body)) in zip(units, junk) {
                try await bench.pair(unit, with: ada)
                _ = try await bench.house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
                let client = try door.birth(unit)
                let order = try #require(try await client.status().wipe)
                try await wipe(unit, order.nonce, client)
                #expect(try await bench.alarms(.contactAfterRetirement, on: unit) == 0)
                expectRefusal(try await client.send(.POST, DeviceAPI.receipts, body, type: type), 403)
                #expect(try await bench.alarms(.contactAfterRetirement, on: unit) == 1, "\(type)")
            }
        }
    }

    private func wipe(_ unit: BenchUnit, _ nonce: String, _ client: BenchClient) async throws {
        let receipt = Receipt(kind: .wiped, device: unit.device, at: Timestamp(seconds: 1_790_000_000), nonce: nonce)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: unit.key)
        #expect(try await client.post(DeviceAPI.receipts, json: seal).status == 200)
    }

    @Test func `past two thirds of its certificate's life, and is told to renew`() async throws {
        let scene = try await DeviceScene { $0.operationalSeconds = 900 }
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            #expect(try await client.status().state == .enrolled)
            scene.bench.clock.advance(seconds: 700)
            #expect(try await client.status().state == .certificateExpiring)
        }
    }

    @Test func `at a path or with a method that is none`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            expectRefusal(try await client.get("/device/v1/statu"), 404)
            #expect(try await client.send(.DELETE, DeviceAPI.status).status == 405)
            expectRefusal(try await client.get("/../../etc/passwd"), 404)
        }
    }
}
