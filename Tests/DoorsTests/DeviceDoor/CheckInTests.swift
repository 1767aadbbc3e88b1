import Foundation
import NIOHTTP1
import Passport
import Registry
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite struct `A check-in` {
    /// A log as a device writes it.
    private func log(_ texts: [String], from start: Int = 0, after head: Digest? = nil) throws -> [DeviceLogEntry] {
        var previous = head ?? Digest([UInt8](repeating: 0, count: 32))
        return try texts.enumerated().map { offset, text in
            var entry = DeviceLogEntry(
                index: start + offset, at: Timestamp(seconds: 1_790_000_000), kind: "boot", text: text, hash: previous)
            entry.hash = try TakeLog.hash(entry, after: previous)
            previous = entry.hash
            return entry
        }
    }

    @Test func `takes the device's log page by page, and a repeated page is harmless`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let pages = try log(["one", "two", "three", "four"])
            for (page, taken) in [(pages[0..<2], 2), (pages[0..<2], 2), (pages[1..<4], 4), (pages[0..<4], 4)] {
                let answer = try await client.post(DeviceAPI.checkIn, json: scene.report(Array(page)))
                #expect(answer.status == 200, "\(answer.text)")
                #expect(try answer.json(DesiredState.self).logTaken == taken)
            }
            #expect(try await scene.bench.alarms(.logBroken, on: scene.unit) == 0)
            #expect(try await scene.passport().log?.head == pages[3].hash)
        }
    }

    @Test func `refuses a log with a gap, a rewritten entry or a wrong hash, and raises one alarm`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            let first = try log(["one", "two"])
            #expect(try await client.post(DeviceAPI.checkIn, json: scene.report(first)).status == 200)
            let gap = try log(["four"], from: 3, after: first[1].hash)
            let rewritten = try log(["one", "other", "three"])
            var wrong = try log(["three"], from: 2, after: first[1].hash)
            wrong[0].text = "tampered"
            var skipping = try log(["three", "four"], from: 2, after: first[1].hash)
            skipping.removeFirst()
            for page in [gap, rewritten, wrong, skipping] {
                let answer = try await client.post(DeviceAPI.checkIn, json: scene.report(page))
                expectRefusal(answer, 409, rule: "device log")
                #expect(answer.refusal?.hint.contains("from entry 2") == true)
            }
            #expect(try await scene.bench.alarms(.logBroken, on: scene.unit) == 1)
            // Nothing of the bad pages stayed, and the right page goes on where it was.
            let next = try log(["three"], from: 2, after: first[1].hash)
            let answer = try await client.post(DeviceAPI.checkIn, json: scene.report(next))
            #expect(try answer.json(DesiredState.self).logTaken == 3)
        }
    }

    @Test func `refuses what is no report, or too large`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            func expect(_ status: Int, _ body: [UInt8], type: String = "application/json") async throws {
                expectRefusal(try await client.send(.POST, DeviceAPI.checkIn, body, type: type), status)
            }
            for text in ["", "{", "[]", "null", "{}", "{\"agent\":1}", "\u{0}", String(repeating: "[", count: 100_000)]
            {
                try await expect(400, Array(text.utf8))
            }
            try await expect(400, [0xff, 0xfe, 0x7b])
            try await expect(415, CanonicalJSON.encode(scene.report()), type: "text/plain")
            try await expect(413, [UInt8](repeating: 32, count: DeviceAPI.maximumCheckInBytes + 1))
            var report = scene.report()
            report.posture = Dictionary(uniqueKeysWithValues: (0..<65).map { ("fact \($0)", "on") })
            try await expect(413, CanonicalJSON.encode(report))
            report = scene.report()
            report.sequence = -1
            try await expect(413, CanonicalJSON.encode(report))
            report = scene.report(try log((0...DeviceAPI.maximumLogEntries).map { "\($0)" }))
            try await expect(413, CanonicalJSON.encode(report))
            #expect(try await client.post(DeviceAPI.checkIn, json: scene.report()).status == 200)
        }
    }

    @Test func `brings the configuration that the owner wants, and only while it is new`() async throws {
        let scene = try await DeviceScene()
        let answer = try await scene.bench.house.perform(
            ConfigureDevice(device: scene.unit.serial, document: "{\"interval\":60}"), as: scene.ada)
        try await DeviceBench.run(scene.bench) { door in
            let client = try door.client(scene.operational.identity)
            var report = scene.report()
            let wanted = try await client.post(DeviceAPI.checkIn, json: report).json(DesiredState.self).configuration
            #expect(wanted?.version == answer.version && wanted?.document == "{\"interval\":60}")
            report.configuration = answer.version
            #expect(try await client.post(DeviceAPI.checkIn, json: report).json(DesiredState.self).configuration == nil)
        }
    }
}
