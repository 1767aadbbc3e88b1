import Agent
import Foundation
import Wire

/// A folder (0700) in which a fleet is kept between runs: one file (0600) a device, with its keys.
package struct FleetState: Sendable {
    private let folder: String
    private let disk = PosixDisk()
    /// A device with two images of some megabytes, in base64.
    private static let largestFileBytes = 64 << 20

    package init(_ folder: String) throws {
        self.folder = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        try disk.makeFolder(self.folder)
    }

    /// The devices that are there, in the order of their numbers.
    package func load(atMost count: Int) throws -> [SimulatedDevice] {
        let names = try disk.names(in: folder).filter { $0.hasSuffix(".json") }.prefix(count)
        return try names.map { name in
            guard let bytes = try disk.readWhole(folder + "/" + name, limit: Self.largestFileBytes) else {
                throw Refusal(.unavailable, "\(folder)/\(name) is gone.", hint: "Start again.")
            }
            return try SimulatedDevice(
                CanonicalJSON.decode(SimulatedDevice.Record.self, from: bytes, limit: Self.largestFileBytes))
        }
    }

    package func keep(_ device: SimulatedDevice) throws {
        let number = String(device.number)
        let name = String(repeating: "0", count: max(0, 7 - number.count)) + number
        try disk.write(try CanonicalJSON.encode(device.record), to: folder + "/\(name).json")
    }
}

/// What others may know of a device in a fleet's state folder.
package enum FleetFile {
    /// The serial of the device that is kept in the file.
    package static func serial(_ path: String) throws -> String {
        guard let bytes = try PosixDisk().readWhole(path, limit: 64 << 20) else {
            throw Refusal(.notFound, "There is no file \(path).", hint: "Name a file of a fleet's state folder.")
        }
        let record = try CanonicalJSON.decode(SimulatedDevice.Record.self, from: bytes, limit: 64 << 20)
        return try SimulatedDevice(record).status().unit.serial
    }
}
