import Foundation
import Testing
import Trust
import Wire

@testable import Station

@Suite struct `A closed batch` {
    @Test func `is a manifest that the station signed, and stays the same`() throws {
        let workshop = try Workshop()
        do {
            let batch = try workshop.open()
            #expect(try SimulatedUnit(serial: "A1").visit(batch).outcome == .born)
            #expect(try SimulatedUnit(serial: "A2").visit(batch).outcome == .born)
        }
        let close = CloseBatch(home: workshop.home, batch: try BatchID("B-1"))
        let seal = try close.perform(keys: workshop.keys, at: workshop.clock())
        let key = try #require(Base64.decode(workshop.request.stationKey))
        let manifest = try CanonicalJSON.decode(
            BirthManifest.self, from: try seal.verified(type: Seal.PayloadType.births, by: [key]))
        #expect(manifest.station == "line-1" && manifest.births.map(\.serial) == ["A1", "A2"])
        #expect(try close.perform(keys: workshop.keys, at: workshop.clock().adding(days: 1)) == seal)
        #expect(throws: Refusal.self) { try workshop.open() }
    }

    @Test func `must have been begun at this station`() throws {
        let workshop = try Workshop()
        let close = CloseBatch(home: workshop.home, batch: try BatchID("B-7"))
        #expect(throws: Refusal.self) { try close.perform(keys: workshop.keys, at: workshop.clock()) }
    }

    @Test func `shows in the status`() throws {
        let workshop = try Workshop()
        do {
            let batch = try workshop.open()
            #expect(try SimulatedUnit(serial: "A1").visit(batch).outcome == .born)
            #expect(try SimulatedUnit(serial: "A1").visit(batch).outcome == .refused)
        }
        var status = try StationStatus(workshop.home, at: workshop.clock())
        #expect(status.name == "line-1" && status.isMakerKeyPinned)
        #expect(status.batches.map(\.born) == [1] && status.batches.map(\.refused) == [1])
        #expect(status.batches.map(\.isClosed) == [false])
        _ = try CloseBatch(home: workshop.home, batch: try BatchID("B-1")).perform(
            keys: workshop.keys, at: workshop.clock())
        status = try StationStatus(workshop.home, at: workshop.clock().adding(days: 60))
        #expect(status.batches.map(\.isClosed) == [true] && status.batches.map(\.isExpired) == [true])
    }
}

@Suite struct `The folder of a path` {
    @Test(arguments: [("S", "."), ("S/", "."), ("/S", "/"), ("a/b", "a"), ("/a/b/", "/a"), ("/", "/"), ("", ".")])
    func `is found for every form of path`(path: String, folder: String) {
        #expect(StationFile.folder(of: path) == folder)
    }
}

@Suite struct `A full disk` {
    @Test func `is told as such`() throws {
        let file = Foundation.open("/dev/full", O_WRONLY)
        defer { close(file) }
        do throws(Refusal) {
            try StationFile.writeAll([65], to: file, path: "births.jsonl")
            Issue.record("the disk was not full")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.detail.contains("disk is full") && error.hint.contains("Free some space"))
        }
    }

    @Test func `stops the run, and what was answered is there afterwards`() throws {
        let workshop = try Workshop()
        let permit = try workshop.permit()
        let full = Refusal(.unavailable, "The disk is full.", hint: "Free some space.")
        do {
            let batch = try workshop.open(
                permit, breakpoints: Breakpoints { if $0 == .intentStored { throw full } })
            #expect(throws: BirthFailure.batch(full)) { try SimulatedUnit(serial: "A1").visit(batch) }
        }
        let batch = try workshop.open(permit)
        #expect(try SimulatedUnit(serial: "A1").visit(batch).outcome == .born)
    }
}
