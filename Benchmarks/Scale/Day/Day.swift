import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Passport
import Registry
import Store
import StoreSQLite
import Trust
import Use
import Wire

/// `lifelong-scale day HOME`: the phases of a day of a large fleet, each driven against the real server over mutual TLS for
/// as long as told, with what a request of each costs the server, and what a million devices would need of it.
///
/// The server runs in a process of its own beside the clients, so that its processor time is known whatever the clients cost.
/// Devices are those of the home, with their own keys and certificates. Nothing is compressed in time: each phase is the
/// stretch of a day that its name says, as dense as this machine goes, and the day is put together from what it counts.
struct Day: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A day of a large fleet, phase by phase.")
    @Argument(help: "Folder of a home that `make` made today.") var home: String
    @Option(help: "Seconds of each phase.") var seconds = 10.0
    @Option(help: "Devices that call, in turn.") var devices = 400
    @Option(help: "Devices on the line at once.") var atOnce = 32
    @Option(help: "Add the figures to this file.") var json: String?

    func run() async throws {
        let crowd = try await Crowd.read(home, devices)
        let server = try ServerProcess(home)
        defer { server.stop() }
        let port = try server.port()
        try await Bar.quiet { server.processor }
        var phases: [Phase.Result] = []
        for kind in Phase.Kind.allCases {
            let phase = Phase(kind: kind, crowd: crowd, port: port, server: server)
            let result = try await phase.run(seconds: seconds, atOnce: atOnce)
            phases.append(result)
            print(result.line)
            fflush(nil)
            // What is refused costs next to nothing: beside it no figure means what it says.
            guard result.refused.isEmpty, result.rate > 0 else {
                throw Refusal(
                    .conflict, "The phase \"\(kind.rawValue)\" was refused: \(result.refused).",
                    hint: "Make the home anew (lifelong-scale make), or look at what the server says.")
            }
        }
        var figures = try Figures(json, devices: crowd.fleet)
        for phase in phases {
            figures.add("day: \(phase.kind.rawValue)", phase.rate, "a second")
            figures.add("day: \(phase.kind.rawValue), server's processor", phase.cpu * 1e6, "us")
            figures.add("day: \(phase.kind.rawValue), 99 %", phase.late * 1000, "ms")
        }
        figures.add("day: server's memory at most", Double(server.peakBytes), "bytes")
        try figures.save()
        print(Shelf(phases).text)
    }
}

/// The devices that call, with what they show.
struct Crowd: Sendable {
    struct Caller: Sendable {
        var device: SyntheticDevice
        var certificate: [UInt8]
        var birth: [UInt8]
    }
    var callers: [Caller]
    var anchors: [[UInt8]]
    /// Devices of the home.
    var fleet: Int

    static func read(_ home: String, _ count: Int) async throws -> Crowd {
        guard let data = FileManager.default.contents(atPath: home + "/plan.json") else {
            throw Refusal(
                .notFound, "There is no plan.json in \(home).", hint: "Make the home with lifelong-scale make.")
        }
        let plan = try JSONDecoder().decode(FleetPlan.self, from: data)
        let house = try await Serve.house(home)
        let step = max(1, plan.devices / (count * 3 / 2))
        let callers = try await house.read { rows -> [Caller] in
            var callers: [Caller] = []
            for number in stride(from: 2, to: plan.devices, by: step) where callers.count < count {
                let device = SyntheticDevice(number, plan)
                guard device.fate == .inUse,
                    let row = try rows.first(
                        """
                        SELECT c.der, d.birth_certificate FROM certificate c JOIN device d ON d.id = c.device
                        WHERE c.device = $1 AND c.state = 'issued'
                        """, [Value(device.id)])
                else { continue }
                callers.append(
                    Caller(
                        device: device, certificate: try row.bytes("der"), birth: try row.bytes("birth_certificate")))
            }
            return callers
        }
        let anchors = [house.authorities.known(Authorities.Name.operationalRoot)?.certificate].compactMap { $0 }
        try house.database.close()
        guard !callers.isEmpty else { throw Refusal(.notFound, "No device of the home is in use.", hint: "Make more.") }
        return Crowd(callers: callers, anchors: anchors, fleet: plan.devices)
    }
}

/// The server as a child, and what it has cost.
// Started once and stopped once, by the same task; in between others only read its number.
final class ServerProcess: @unchecked Sendable {
    private let process = Process()
    private let output = Pipe()
    /// Held open, never written to: it ends with this process, and the server with it.
    private let input = Pipe()

    init(_ home: String) throws {
        process.executableURL = URL(filePath: CommandLine.arguments[0])
        process.arguments = ["serve", home, "--until-input-ends"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    func port() throws -> Int {
        let line = output.fileHandleForReading.availableData
        guard let port = Int(String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else {
            throw Refusal(.unavailable, "The server did not start.", hint: "Run lifelong-scale serve by itself.")
        }
        return port
    }

    /// Processor seconds so far (proc(5), stat: utime and stime in hundredths).
    var processor: Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 12 ? ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / 100 : 0
    }

    var peakBytes: Int {
        let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
        return (line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) * 1024
    }

    /// Started with its signals blocked by Foundation, it hears only this one.
    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
