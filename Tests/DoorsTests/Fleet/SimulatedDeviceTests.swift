import Agent
import Foundation
import Keys
import Station
import Testing
import Trust
import Wire

@testable import Fleet

@Suite struct `A simulated device` {
    @Test func `keeps its keys between runs`() throws {
        let label = KeyLabel(trusted: "birth")
        let keys = try SimulatedKeys()
        let made = try keys.make(label, algorithm: .p256)
        let again = try #require(try SimulatedKeys(keys.raw).find(label))
        #expect(again.publicKeyDER == made.publicKeyDER)
        #expect(throws: Refusal.self) { try keys.make(label, algorithm: .p256) }
        #expect(throws: Refusal.self) { try keys.make(KeyLabel(trusted: "other"), algorithm: .ed25519) }
        try keys.destroy(label)
        #expect(try keys.labels().isEmpty)
    }

    @Test func `has a disk that behaves as one`() throws {
        let disk = try SimulatedDisk()
        try disk.write([1, 2, 3], to: "/d/file")
        try disk.append([4], to: "/d/file")
        #expect(try disk.read("/d/file", from: 1, limit: 2) == [2, 3])
        try disk.truncate("/d/file", to: 1)
        #expect(try disk.size(of: "/d/file") == 1)
        try disk.relink("/d/link", to: "file")
        #expect(try disk.target(of: "/d/link") == "file")
        #expect(try disk.names(in: "/d") == ["file", "link"])
        #expect(throws: Refusal.self) { try disk.append([1], to: "/d/none") }
        #expect(throws: Refusal.self) { try disk.rename("/d/none", to: "/d/file") }
        let copy = try SimulatedDisk(disk.contents)
        #expect(copy.contents == disk.contents)
        try disk.removeFolder("/d")
        #expect(try disk.names(in: "/d").isEmpty)
        #expect(try copy.size(of: "/d/file") == 1)
    }

    @Test func `is measured by the nearest rank`() {
        let measurement = Measurement()
        for millisecond in 1...100 { measurement.note(.milliseconds(millisecond), nil) }
        let refusal = Refusal(.forbidden, "No.", hint: "Ask.")
        measurement.note(.milliseconds(500), .refused(refusal))
        #expect(measurement.requests == 101)
        #expect(measurement.latency == .init(p50: 51, p90: 91, p99: 100, longest: 500))
        #expect(measurement.failures == ["refused: forbidden": 1])
        #expect(Measurement().latency == .init())
    }
}

@Suite struct `A simulated fleet` {
    private static let hardware = Workshop.hardware

    @Test func `is born at a real station, and is the same after a new start`() async throws {
        let workshop = try Workshop()
        let batch = try workshop.open(try workshop.permit(quantity: 6))
        let socket = NSTemporaryDirectory() + "/fleet-\(UUID().uuidString.prefix(8)).sock"
        let source = try LineAddress("unix:\(socket)").open(.init(answerSeconds: 20))
        let line = Task.detached { RunBatch(batch, source: source, count: 6, atOnce: 2).perform { _ in } }
        let folder = workshop.home.path + "/fleet"
        let summary = try await run(6, station: "unix:\(socket)", folder)
        #expect(summary.born == 6 && summary.devices == 6 && summary.troubles.isEmpty)
        #expect(await line.value.born == 6)
        #expect(Set(try serials(folder)) == Set(batch.births.map(\.serial)))
        let again = try await run(6, station: nil, folder)
        #expect(again.born == 0 && again.devices == 6)
    }

    @Test func `says what is missing when there is no station`() async throws {
        let workshop = try Workshop()
        await #expect(throws: Refusal.self) { try await run(1, station: nil, workshop.home.path + "/fleet") }
    }

    @Test func `counts what went wrong, and goes on`() async throws {
        let workshop = try Workshop()
        let summary = try await run(3, station: "unix:\(workshop.home.path)/none", workshop.home.path + "/fleet")
        #expect(summary.devices == 0)
        #expect(summary.troubles.values.reduce(0, +) == 3)
    }

    private func run(_ count: Int, station: String?, _ folder: String) async throws -> Fleet.Summary {
        var plan = Fleet.Plan(count: count)
        plan.station = station
        plan.hardware = Self.hardware
        plan.checkIns = 0
        plan.state = try FleetState(folder)
        let transport = DeviceTransport()
        do {
            let summary = try await Fleet(plan, transport: transport).run()
            await transport.shutdown()
            return summary
        } catch {
            await transport.shutdown()
            throw error
        }
    }

    private func serials(_ folder: String) throws -> [String] {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        for file in files {
            let mode = try FileManager.default.attributesOfItem(atPath: folder + "/" + file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
        return try files.map { try FleetFile.serial(folder + "/" + $0) }
    }
}
