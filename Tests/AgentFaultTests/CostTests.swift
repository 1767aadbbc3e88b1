import Agent
import Foundation
import Passport
import Testing
import Use
import Wire
import Workbench

#if canImport(Glibc)
import Glibc
#endif

/// What the agent costs a device: measured only on demand, of the program that LIFELONG_MEASURE_AGENT names (scripts/measure-agent.sh),
/// because only the optimised one says anything.
@Suite(.serialized, .enabled(if: AgentCost.program != nil, "LIFELONG_MEASURE_AGENT names no program"))
struct `What the agent costs` {
    @Test(.timeLimit(.minutes(5))) func `in memory and time`() async throws {
        let program = try #require(AgentCost.program)
        try await Ward.open { ward in
            let patient = try await ward.patient(for: .checkIn)
            let megabytes = 100
            let megabyte = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
            var artifact: [UInt8] = []
            for number in 0..<megabytes {
                artifact += megabyte
                artifact[number << 20] = UInt8(number)
            }
            try await Patient.publish(5, artifact, at: ward.door.house)
            let words = ["run", "--home", patient.path, "--start-spread", "0", "--interval", "1"]
            let agent = try AgentCost(program, words)
            try await Task.sleep(for: .seconds(8))
            let idle = try agent.memory()
            try await patient.offer(5)
            var end: AgentCost.Memory?
            for _ in 0..<600 {
                try await Task.sleep(for: .milliseconds(100))
                if try await patient.passport().installed?.sequence == 5 {
                    end = try agent.memory()
                    break
                }
            }
            let updating = try #require(end, "The update did not arrive.")
            let seconds = agent.stop()
            print("note: idle after 8 s of a contact a second: \(idle)")
            print("note: after an update of \(megabytes) MiB: \(updating); \(seconds) s of CPU in all")
            #expect(idle.peak <= Self.mostKibibytes && updating.peak <= Self.mostKibibytes)
            let median = try await starts(program, patient)
            #expect(median <= Self.longestStart)
            await patient.home.transport.shutdown()
        }
    }

    /// What issue 4 allows.
    private static let mostKibibytes = 20 << 10
    private static let longestStart = Duration.milliseconds(100)

    /// From exec to the first byte of the handshake, at a listener that answers nothing.
    private func starts(_ program: String, _ patient: Patient) async throws -> Duration {
        let listener = try Listener()
        let disk = PosixDisk()
        let place = patient.home.place
        var service = try #require(try disk.read(ServiceAnchor.self, from: place.service))
        service.url = "https://127.0.0.1:\(listener.port)"
        try disk.write(service, as: place.service)
        var times: [Duration] = []
        for _ in 0..<21 {
            let began = ContinuousClock.now
            let agent = try AgentCost(program, ["run", "--home", patient.path, "--start-spread", "0"])
            try listener.takeFirstByte()
            times.append(.now - began)
            _ = agent.stop()
        }
        times.sort()
        print(
            "note: exec to the first byte on the wire, 21 starts: least \(times[0]), median \(times[10]), most \(times[20])"
        )
        return times[10]
    }
}

/// The program, started by this process.
private final class AgentCost: Sendable {
    static let program = ProcessInfo.processInfo.environment["LIFELONG_MEASURE_AGENT"]

    struct Memory: CustomStringConvertible {
        /// KiB.
        var peak: Int
        var resident: Int
        var anonymous: Int
        var file: Int
        var threads: Int
        var description: String {
            func mebibytes(_ kibibytes: Int) -> String { "\(Double(kibibytes * 10 / 1024) / 10) MiB" }
            return
                "peak \(mebibytes(peak)), resident \(mebibytes(resident)) (anonymous \(mebibytes(anonymous)), of files \(mebibytes(file))), \(threads) threads"
        }
    }

    private let pid: pid_t

    init(_ program: String, _ arguments: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for file in [Int32(0), 1, 2] { posix_spawn_file_actions_addopen(&actions, file, "/dev/null", O_RDWR, 0) }
        let words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, program, &actions, nil, words, environ)
        guard code == 0 else { throw Refusal(.unavailable, "\(program) does not start.", hint: "Build it.") }
        self.pid = pid
    }

    func memory() throws -> Memory {
        let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        func field(_ name: String) -> Int {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap { Int($0) } ?? -1
        }
        return Memory(
            peak: field("VmHWM"), resident: field("VmRSS"), anonymous: field("RssAnon"), file: field("RssFile"),
            threads: field("Threads"))
    }

    /// Seconds of CPU that it took.
    func stop() -> Double {
        kill(pid, SIGKILL)
        var usage = rusage()
        var status: Int32 = 0
        wait4(pid, &status, 0, &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
    }
}

private final class Listener: Sendable {
    private let file: Int32
    let port: UInt16

    init() throws {
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { [file] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, length) == 0 && listen(file, 16) == 0 && getsockname(file, $0, &length) == 0
            }
        }
        guard bound else { throw Refusal(.unavailable, "No port.", hint: "Try again.") }
        port = UInt16(bigEndian: address.sin_port)
    }

    func takeFirstByte() throws {
        let one = accept(file, nil, nil)
        defer { close(one) }
        var byte: UInt8 = 0
        guard one >= 0, recv(one, &byte, 1, 0) == 1 else {
            throw Refusal(.unavailable, "Nobody called.", hint: "Look at the agent.")
        }
    }

    deinit { close(file) }
}
