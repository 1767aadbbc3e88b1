import Agent
import Crypto
import Foundation
import Synchronization
import Testing
import Trust
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// The station's side of a birth, as the test wants it.
private struct ScriptedStation {
    let bench: AgentBench
    var serial = "S-100"
    /// Changes what is sent last.
    var twist: @Sendable (inout String, inout [String], inout ServiceAnchor) throws -> Void = { _, _, _ in }

    /// Plays on a descriptor; returns what the unit said last.
    func play(on file: Int32) throws -> LineMessage {
        let stream = LineStream(file)
        try stream.send(.identify(station: "line-1"))
        guard case .hardware(let name, _) = try stream.receive() else { throw POSIXError(.EPROTO) }
        #expect(name == AgentBench.hardware)
        try stream.send(.request(serial: serial, product: AgentBench.product))
        let answer = try stream.receive()
        guard case .csr(let text) = answer else { return answer }
        let request = try VerifiedRequest(der: try #require(Base64.decode(text)))
        #expect(request.subject.serialNumber == serial)
        try stream.send(try birth(for: request.spki))
        return try stream.receive()
    }

    func birth(for spki: [UInt8]) throws -> LineMessage {
        var certificate = Base64.encode(try bench.birthCertificate(spki, serial: serial))
        var chain = [bench.birthAuthority, bench.maker].map { Base64.encode($0.certificate) }
        var service = bench.anchor(port: 8443)
        try twist(&certificate, &chain, &service)
        return .birth(certificate: certificate, chain: chain, service: service)
    }
}

private final class LineStream {
    private let file: Int32
    private var buffer: [UInt8] = []
    init(_ file: Int32) { self.file = file }

    func send(_ message: LineMessage) throws {
        let line = try CanonicalJSON.encode(message) + [10]
        guard write(file, line, line.count) == line.count else { throw POSIXError(.EIO) }
    }
    func receive() throws -> LineMessage {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer.removeSubrange(...end) }
                return try CanonicalJSON.decode(LineMessage.self, from: buffer[..<end])
            }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let n = read(file, &chunk, chunk.count)
            guard n > 0 else { throw POSIXError(.EPIPE) }
            buffer += chunk[..<n]
        }
    }
}

private func newborn(on disk: MemoryDisk = MemoryDisk(), keys: MemoryKeys = MemoryKeys()) -> Newborn {
    Newborn(home: AgentHome("/home"), disk: disk, keys: keys, now: { AgentBench.now })
}

/// A conversation in memory; throws what the unit throws.
private func converse(
    with station: ScriptedStation, serial: String? = nil, keep: (BeBorn.Identity) throws -> Void = { _ in }
) throws -> BeBorn.Identity {
    let key = EphemeralKey()
    var unit = try BeBorn(hardware: AgentBench.hardware, serial: serial, key: key)
    _ = try unit.answer(.identify(station: "line-1"), at: AgentBench.now, keep: keep)
    _ = try unit.answer(.request(serial: station.serial, product: AgentBench.product), at: AgentBench.now, keep: keep)
    let said = try unit.answer(try station.birth(for: key.publicKeyDER), at: AgentBench.now, keep: keep)
    let identity = try #require(unit.identity)
    #expect(said == .born(sha256: Wire.Digest(SHA256.hash(data: identity.chain[0]))))
    return identity
}

/// Plays the station in a thread of its own.
private func inThread(_ body: @escaping @Sendable () throws -> LineMessage) -> @Sendable () async throws -> LineMessage
{
    let (results, result) = AsyncStream.makeStream(of: Result<LineMessage, any Error>.self)
    Thread {
        result.yield(Result { try body() })
        result.finish()
    }.start()
    return {
        for await found in results { return try found.get() }
        throw POSIXError(.ECANCELED)
    }
}

@Suite struct `A unit being born` {
    @Test func `over a Unix socket keeps everything before it says so`() async throws {
        let bench = try AgentBench()
        let path = NSTemporaryDirectory() + "birth-\(UUID().uuidString.prefix(8)).sock"
        let listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(listening)
            unlink(path)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listening, 1) == 0)
        let station = ScriptedStation(bench: bench)
        let last = inThread {
            let file = accept(listening, nil, nil)
            defer { close(file) }
            return try station.play(on: file)
        }
        let (disk, keys) = (MemoryDisk(), MemoryKeys())
        let unit = try newborn(on: disk, keys: keys).beBorn(
            hardware: AgentBench.hardware, serial: nil, image: Array("factory".utf8),
            on: try StationLine.open("unix:\(path)", patienceSeconds: 10))
        #expect(unit.serial == "S-100" && unit.product == AgentBench.product)
        let status = try HomeStatus(of: AgentHome("/home"), on: disk)
        #expect(status.image.whole && status.image.slot == .a && status.log.entries == 1 && status.log.brokenAt == nil)
        #expect(try keys.labels() == [DeviceKeys.birth])
        guard case .born = try await last() else {
            Issue.record("The unit did not say that it is born.")
            return
        }
    }

    @Test func `over a terminal is born as well`() async throws {
        let bench = try AgentBench()
        var (station, other): (Int32, Int32) = (-1, -1)
        var path = [CChar](repeating: 0, count: 128)
        try #require(openpty(&station, &other, &path, nil, nil) == 0)
        let master = station
        defer {
            close(master)
            close(other)
        }
        let name = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The unit opens its end first, so that the terminal is raw before anything is said.
        let line = try StationLine.open("pty:\(name)", patienceSeconds: 10)
        let script = ScriptedStation(bench: bench)
        let last = inThread { try script.play(on: master) }
        let unit = try newborn().beBorn(hardware: AgentBench.hardware, serial: nil, image: [1], on: line)
        #expect(unit.serial == "S-100")
        guard case .born = try await last() else {
            Issue.record("The unit did not say that it is born.")
            return
        }
    }

    @Test func `that was cut short is the same unit when it begins again`() throws {
        let bench = try AgentBench()
        let station = ScriptedStation(bench: bench)
        let whole = MemoryDisk()
        let keys = MemoryKeys()
        func bear(on disk: MemoryDisk) throws {
            var ends: [Int32] = [-1, -1]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            let (ours, theirs) = (ends[0], ends[1])
            Thread {
                _ = try? station.play(on: theirs)
                close(theirs)
            }.start()
            _ = try newborn(on: disk, keys: keys).beBorn(
                hardware: AgentBench.hardware, serial: nil, image: [1, 2, 3],
                on: StationLine(connected: ours, patienceSeconds: 10))
        }
        try bear(on: whole)
        let key = try keys.find(DeviceKeys.birth)?.publicKeyDER
        for cut in 1...whole.operations {
            for aftermath in MemoryDisk.Aftermath.allCases {
                let disk = MemoryDisk()
                disk.cutPower(at: cut, persisted: true)
                #expect(throws: PowerCut.self) { try bear(on: disk) }
                disk.restart(aftermath)
                try bear(on: disk)
                #expect(try HomeStatus(of: AgentHome("/home"), on: disk).image.whole, "\(cut), \(aftermath)")
            }
        }
        #expect(try keys.find(DeviceKeys.birth)?.publicKeyDER == key)
    }

    @Test func `takes what it is given only if everything fits`() throws {
        let bench = try AgentBench()
        #expect(throws: Never.self) { try converse(with: ScriptedStation(bench: bench)) }
        let stranger = try AgentBench.root("Stranger")
        let foreignKey = try bench.birthCertificate(EphemeralKey().publicKeyDER, serial: "S-100")
        let twists: [(String, @Sendable (inout String, inout [String], inout ServiceAnchor) throws -> Void)] = [
            ("another key", { certificate, _, _ in certificate = Base64.encode(foreignKey) }),
            ("another root", { _, chain, _ in chain[1] = Base64.encode(stranger.certificate) }),
            ("no chain", { _, chain, _ in chain = [] }),
            ("a cut chain", { _, chain, _ in chain.removeFirst() }),
            ("a long chain", { _, chain, _ in chain = Array(repeating: chain[0], count: 9) }),
            ("no base64", { certificate, _, _ in certificate = "*" }),
            ("no certificate", { certificate, _, _ in certificate = Base64.encode([0x30, 0]) }),
            ("no anchors", { _, _, service in service.anchors = [] }),
            ("broken anchors", { _, _, service in service.anchors = [Base64.encode([1])] }),
            ("broken release keys", { _, _, service in service.releaseKeys = [Base64.encode([1])] }),
            ("no https", { _, _, service in service.url = "http://devices.example" }),
        ]
        for (name, twist) in twists {
            var station = ScriptedStation(bench: bench)
            station.twist = twist
            #expect(throws: Refusal.self, "\(name)") {
                try converse(with: station) { _ in Issue.record("\(name) was kept") }
            }
        }
    }

    @Test func `with a serial of its own takes no other`() throws {
        let station = ScriptedStation(bench: try AgentBench())
        #expect(throws: Never.self) { try converse(with: station, serial: "S-100") }
        #expect { try converse(with: station, serial: "S-7") } throws: { ($0 as? Refusal)?.rule == "birth: serial" }
    }

    @Test func `answers nothing out of turn`() throws {
        var unit = try BeBorn(hardware: AgentBench.hardware, serial: nil, key: EphemeralKey())
        #expect { try unit.answer(.csr(""), at: AgentBench.now) { _ in } } throws: {
            ($0 as? Refusal)?.rule == "birth: order"
        }
        #expect(throws: Refusal.self) {
            try unit.answer(.request(serial: "S", product: AgentBench.product), at: AgentBench.now) { _ in }
        }
        #expect(throws: Refusal.self) { try BeBorn(hardware: "", serial: nil, key: EphemeralKey()) }
        #expect(throws: Refusal.self) { try BeBorn(hardware: "x", serial: "umlaut ü", key: EphemeralKey()) }
    }
}
