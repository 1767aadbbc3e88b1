import Agent
import Foundation
import Keys
import Logging
import Trust
import Wire

/// One device of a simulated fleet: the agent itself, on a disk and with keys in memory. What it says on the wire is what
/// `lifelong-agent` says, because it is the same code.
package final class SimulatedDevice: Sendable {
    static let home = AgentHome("/device")

    package let number: Int
    private let disk: SimulatedDisk
    private let keys: SimulatedKeys

    /// As it is kept between runs.
    struct Record: Codable, Sendable {
        var number: Int
        var disk: SimulatedDisk.Contents
        var keys: [String: String]
    }

    package init(number: Int) throws {
        self.number = number
        disk = try SimulatedDisk()
        keys = try SimulatedKeys()
    }

    init(_ record: Record) throws {
        number = record.number
        disk = try SimulatedDisk(record.disk)
        keys = try SimulatedKeys(record.keys)
    }

    var record: Record { Record(number: number, disk: disk.contents, keys: keys.raw) }

    package var isBorn: Bool { (try? disk.size(of: Self.home.unit)) != nil }

    /// What it would tell with `lifelong-agent status`.
    package func status() throws -> HomeStatus { try HomeStatus(of: Self.home, on: disk) }

    /// Its own log, as it keeps it.
    package func log() throws -> [DeviceLogEntry] { try HomeStatus.readLog(of: Self.home, on: disk) }

    // MARK: - Birth

    /// Birth over a station's line. Blocks its thread for as long as the station talks.
    package func beBorn(hardware: String, at address: String) throws {
        let newborn = Newborn(home: Self.home, disk: disk, keys: keys, now: Self.now)
        let image = Array("Factory image of \(hardware), simulated\n".utf8)
        _ = try newborn.beBorn(
            hardware: hardware, serial: nil, image: image, on: try StationLine.open(address, patienceSeconds: 120))
    }

    // MARK: - Life

    /// Everything that is due now: status, proof, enrolment, check-in, configuration, update, wipe.
    /// - Returns: one sentence why it stopped.
    package func live(
        over transport: DeviceTransport, health: HealthCommand? = nil, logger: Logger
    ) async throws -> String {
        var settings = AgentSettings()
        settings.health = health
        settings.healthAttempts = 1
        let agent = try Agent(
            home: Self.home,
            around: Surroundings(
                disk: disk, keys: keys, transport: transport, now: Self.now, random: Self.random, logger: logger),
            settings: settings)
        return try await agent.run(once: true)
    }

    static let now: @Sendable () -> Timestamp = { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    static let random: @Sendable (Int) -> [UInt8] = { count in
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
