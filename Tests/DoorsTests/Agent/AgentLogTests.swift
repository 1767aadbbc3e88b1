import Agent
import Crypto
import Foundation
import Testing
import Wire

private let now = Timestamp(seconds: 1_790_000_000)

private func log(_ count: Int, on disk: MemoryDisk = MemoryDisk()) throws -> (DeviceLog, MemoryDisk) {
    var log = try DeviceLog(on: disk, folder: "/log")
    for index in 0..<count { try log.append("boot", "Start \(index).", at: now) }
    return (log, disk)
}

private func entries(on disk: MemoryDisk) throws -> [DeviceLogEntry] {
    try (disk.readWhole("/log/entries.jsonl") ?? []).split(separator: 10).map {
        try CanonicalJSON.decode(DeviceLogEntry.self, from: $0)
    }
}

@Suite struct `A device's own log` {
    @Test func `chains every entry to the one before, from 32 zero bytes on`() throws {
        let (_, disk) = try log(3)
        let written = try entries(on: disk)
        var previous = [UInt8](repeating: 0, count: 32)
        for entry in written {
            let covered =
                "{\"at\":\"\(now)\",\"index\":\(entry.index),\"kind\":\"boot\",\"text\":\"Start \(entry.index).\"}"
            let expected = Array(SHA256.hash(data: previous + Array(covered.utf8)))
            #expect(entry.hash.bytes == expected)
            previous = expected
        }
        #expect(DeviceLog.firstFault(in: written) == nil)
    }

    @Test func `goes on after a start`() throws {
        let (_, disk) = try log(2)
        var again = try DeviceLog(on: disk, folder: "/log")
        try again.append("update", "Went on.", at: now)
        #expect(try entries(on: disk).map(\.index) == [0, 1, 2])
        #expect(try DeviceLog.firstFault(in: entries(on: disk)) == nil)
    }

    @Test func `shows an entry that was changed, removed or inserted`() throws {
        let (_, disk) = try log(5)
        let good = try entries(on: disk)
        var changed = good
        changed[2].text = "Nothing happened."
        #expect(DeviceLog.firstFault(in: changed) == 2)
        var removed = good
        removed.remove(at: 3)
        #expect(DeviceLog.firstFault(in: removed) == 4)
        var inserted = good
        inserted.insert(good[1], at: 2)
        #expect(DeviceLog.firstFault(in: inserted) == 1)
        var first = good
        first[0].kind = "other"
        #expect(DeviceLog.firstFault(in: first) == 0)
    }

    @Test func `drops a torn last line and nothing else, wherever it was torn`() throws {
        let (_, disk) = try log(3)
        let bytes = try #require(try disk.readWhole("/log/entries.jsonl"))
        let start = try #require(bytes.dropLast().lastIndex(of: 10)) + 1
        for length in start..<bytes.count {
            let torn = MemoryDisk()
            try torn.create("/log/entries.jsonl")
            try torn.append(Array(bytes[..<length]), to: "/log/entries.jsonl")
            var log = try DeviceLog(on: torn, folder: "/log")
            #expect(log.count == 2)
            try log.append("boot", "After the cut.", at: now)
            #expect(try DeviceLog.firstFault(in: entries(on: torn)) == nil)
        }
    }

    @Test func `loses at most the entry that was being written when the power goes`() throws {
        let (_, before) = try log(3)
        for cut in 1...4 {
            for aftermath in MemoryDisk.Aftermath.allCases {
                let disk = before.copy()
                var log = try DeviceLog(on: disk, folder: "/log")
                disk.cutPower(at: cut, persisted: false)
                try? log.append("boot", "The last.", at: now)
                disk.restart(aftermath)
                let found = try DeviceLog(on: disk, folder: "/log")
                #expect(found.fault == nil && (3...4).contains(found.count), "\(cut), \(aftermath)")
            }
        }
    }

    @Test func `keeps and reports what somebody broke in the middle`() throws {
        let (_, disk) = try log(3)
        var bytes = try #require(try disk.readWhole("/log/entries.jsonl"))
        bytes[2] = 0
        try disk.write(bytes, to: "/log/entries.jsonl")
        let found = try DeviceLog(on: disk, folder: "/log")
        #expect(found.fault == 0)
        #expect(found.count == 3)
    }

    @Test func `is sent in pages of at most 256, from what the service has`() throws {
        var (log, disk) = try log(300)
        #expect(log.page().map(\.index) == Array(0..<256))
        #expect(log.hasMorePages)
        try log.remember(taken: 256)
        #expect(log.page().map(\.index) == Array(256..<300))
        try log.remember(taken: 300)
        #expect(log.page().isEmpty)
        try log.remember(taken: 1_000_000)
        #expect(log.taken == 300)
        #expect(try DeviceLog(on: disk, folder: "/log").taken == 300)
    }

    @Test func `forgets what the service has, once there is much of it, and keeps its chain`() throws {
        var (log, disk) = try log(1100)
        try log.remember(taken: 1000)
        #expect(try entries(on: disk).first?.index == 999)
        try log.append("boot", "More.", at: now)
        #expect(try DeviceLog.firstFault(in: entries(on: disk)) == nil)
        #expect(try DeviceLog(on: disk, folder: "/log").page().map(\.index) == Array(1000...1100))
    }

    @Test func `is wiped without a gap`() throws {
        var (log, disk) = try log(5)
        let before = try entries(on: disk)
        try log.remember(taken: 4)
        try log.wipe()
        try log.append("wiped", "Wiped, to change hands.", at: now)
        let left = try entries(on: disk)
        #expect(left.map(\.index) == [3, 4, 5])
        #expect(left[0].text.isEmpty && left[0].hash == before[3].hash)
        #expect(DeviceLog.firstFault(in: left) == nil)
        #expect(try DeviceLog(on: disk, folder: "/log").page().map(\.index) == [4, 5])
    }

    @Test func `cuts long texts between characters`() throws {
        var (log, disk) = try log(0)
        try log.append("note", String(repeating: "é", count: 600), at: now)
        let text = try #require(try entries(on: disk).first?.text)
        #expect(text.utf8.count <= 512 && text.hasSuffix("é…"))
    }
}
