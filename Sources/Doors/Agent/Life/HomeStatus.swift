import Keys
import Trust
import Wire

/// What a home tells without any contact: for `lifelong-agent status`.
package struct HomeStatus: Codable, Sendable, Equatable {
    package struct Certificate: Codable, Sendable, Equatable {
        package var device: DeviceID
        package var notBefore: Timestamp
        package var notAfter: Timestamp
        package var renewal: Timestamp
    }
    package struct Log: Codable, Sendable, Equatable {
        package var entries: Int
        package var head: Wire.Digest?
        /// Index of the first entry that does not fit the chain.
        package var brokenAt: Int?
    }
    package struct Image: Codable, Sendable, Equatable {
        package var slot: Slots.Name
        package var sequence: Int
        package var version: String
        package var onTrial: Bool
        /// Whether the image on the disk is the one of its manifest.
        package var whole: Bool
    }

    package var unit: UnitRecord
    package var service: String
    package var operational: Certificate?
    package var image: Image
    package var configuration: Int
    package var log: Log
    package var receiptsWaiting: Int
    package var wipeOutstanding: Bool
    package var retired: Bool
    package var lastWord: LastWord?

    package init(of home: AgentHome, on disk: any Disk, board: (any Board)? = nil) throws {
        guard let unit = try disk.read(UnitRecord.self, from: home.unit),
            let service = try disk.read(ServiceAnchor.self, from: home.service)
        else {
            throw Refusal(
                .unavailable, "No unit was born in \(home.folder).",
                hint: "Run: lifelong-agent birth --home \(home.folder) --hardware NAME")
        }
        self.unit = unit
        self.service = service.url
        operational = try Self.certificate(home, disk)
        image = try Self.image(Slots(on: disk, folder: home.slots, board: board))
        configuration = try Self.configuration(of: home, on: disk)
        let chain = try Self.readLog(of: home, on: disk)
        log = Log(
            entries: chain.last.map { $0.index + 1 } ?? 0, head: chain.last?.hash,
            brokenAt: DeviceLog.firstFault(in: chain))
        receiptsWaiting = try disk.names(in: home.outbox).filter { $0.hasSuffix(".json") }.count
        wipeOutstanding = try disk.size(of: home.wipe) != nil
        retired = try disk.size(of: home.retired) != nil
        lastWord = try disk.read(LastWord.self, from: home.lastWord)
    }

    /// The log as it is, without repairing it: whoever only looks does not write.
    package static func readLog(of home: AgentHome, on disk: any Disk) throws -> [DeviceLogEntry] {
        let bytes = try disk.readWhole(home.log + "/entries.jsonl", limit: DeviceLog.largestFileBytes) ?? []
        return bytes.split(separator: 10).compactMap {
            try? CanonicalJSON.decode(DeviceLogEntry.self, from: $0, limit: 8192)
        }
    }

    /// Version of the configuration in force; 0 is none.
    static func configuration(of home: AgentHome, on disk: any Disk) throws -> Int {
        guard let name = try disk.target(of: home.configuration)?.split(separator: "/").last else { return 0 }
        return name.split(separator: ".").first.flatMap { Int($0) } ?? 0
    }

    private static func certificate(_ home: AgentHome, _ disk: any Disk) throws -> Certificate? {
        guard let record = try disk.read(OperationalRecord.self, from: home.current),
            let der = Base64.decode(record.certificate)
        else { return nil }
        let held = try HeldCertificate(der)
        return Certificate(
            device: record.device, notBefore: held.notBefore, notAfter: held.notAfter, renewal: held.renewal)
    }

    private static func image(_ slots: Slots) throws -> Image {
        let running = try slots.running()
        return Image(
            slot: running.slot, sequence: running.content.manifest.sequence,
            version: running.content.manifest.version, onTrial: try slots.trial() != nil,
            whole: (try? slots.verify(running.slot)) != nil)
    }
}
