import Foundation
import Station
import Testing
import Trust
import Wire

@Suite struct `A run` {
    private func connect(_ path: String) throws -> Int32 {
        for _ in 0..<200 {
            let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8) + [0]) }
            let ok = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if ok == 0 { return file }
            close(file)
            usleep(20_000)
        }
        throw POSIXError(.ECONNREFUSED)
    }

    private func start(_ units: [SimulatedUnit], on path: String) -> DispatchGroup {
        let group = DispatchGroup()
        for unit in units {
            group.enter()
            Thread {
                if let file = try? self.connect(path) {
                    unit.speak(over: file)
                    close(file)
                }
                group.leave()
            }.start()
        }
        return group
    }

    @Test func `over a Unix socket serves a unit a connection, several at once`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open(try workshop.permit(quantity: 5))
        let path = workshop.home.path + "/line"
        var source: (any LineSource)? = try LineAddress("unix:" + path).open(.init(answerSeconds: 10))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let units = (1...5).map { _ in SimulatedUnit() }
        let bad = SimulatedUnit(manner: .says(Array("AT+GMR\n".utf8)))
        let group = start(units + [bad], on: path)
        let reports = Locked<[UnitReport]>([])
        let summary = RunBatch(batch, source: try #require(source), atOnce: 3).perform { report in
            reports.withLock { $0.append(report) }
        }
        #expect(summary.born == 5 && summary.remaining == 0 && summary.stopped == nil)
        #expect(reports.withLock { $0.count { $0.outcome == .born } } == 5)
        source = nil
        group.wait()
        #expect(units.allSatisfy { $0.certificate != nil })
    }

    @Test func `takes over the socket of a station that was killed, not of one that lives`() throws {
        let workshop = try Workshop()
        let path = workshop.home.path + "/line"
        let address = try LineAddress("unix:" + path)
        let living = try address.open(.init())
        #expect(throws: Refusal.self) { try address.open(.init()) }
        withExtendedLifetime(living) {}
        let other = try LineAddress("unix:" + workshop.home.path + "/station.json")
        #expect(throws: Refusal.self) { try other.open(.init()) }
    }

    @Test func `with a command a unit hears nonsense and goes on with the next`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open()
        let source = try LineAddress("exec:read line; echo nonsense {n}; cat >/dev/null").open(.init(answerSeconds: 5))
        let reports = Locked<[UnitReport]>([])
        let summary = RunBatch(batch, source: source, count: 2).perform { report in
            reports.withLock { $0.append(report) }
        }
        #expect(summary.refused == 2 && summary.born == 0 && batch.births.isEmpty)
        #expect(reports.withLock { $0.allSatisfy { $0.refusal?.code == .malformed } })
    }

    @Test func `with a command that does nothing is over at once`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open()
        let source = try LineAddress("exec:true").open(.init(answerSeconds: 5))
        let summary = RunBatch(batch, source: source, count: 1).perform { _ in }
        #expect(summary.refused == 1)
    }

    /// A unit of forty lines in another language, with OpenSSL for its key: the protocol as a stranger would speak it.
    @Test(.enabled(if: Self.hasStranger, "python3 and openssl are not installed"))
    func `with a stranger's unit gives it a birth, and the same again when the run is repeated`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open(try workshop.permit(quantity: 2))
        let script = workshop.home.path + "/unit.py"
        try Self.stranger.write(toFile: script, atomically: false, encoding: .utf8)
        let address = try LineAddress("exec:python3 \(script) \(workshop.home.path)/unit-{n}")
        let run = RunBatch(batch, source: try address.open(.init(answerSeconds: 30)), atOnce: 2)
        #expect(run.expected == 2)
        let first = run.perform { _ in }
        #expect(first.born == 2 && first.refused == 0)
        let again = run.perform { _ in }
        #expect(again.resumed == 2 && again.stopped == nil)
    }

    static let hasStranger = ["python3", "openssl"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/" + $0)
    }

    private static let stranger = """
        import base64, hashlib, json, os, subprocess, sys
        home = sys.argv[1]
        os.makedirs(home, exist_ok=True)
        path = lambda name: os.path.join(home, name)
        def openssl(*arguments):
            return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout
        def say(message):
            print(json.dumps(message), flush=True)
        for line in sys.stdin:
            kind, body = next(iter(json.loads(line).items()))
            if kind == "identify":
                known = {"serial": open(path("serial")).read()} if os.path.exists(path("serial")) else {}
                say({"hardware": {"name": "\(Workshop.hardware)", **known}})
            elif kind == "request":
                if not os.path.exists(path("key.pem")):
                    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("key.pem"))
                open(path("serial"), "w").write(body["serial"])
                csr = openssl("req", "-new", "-key", path("key.pem"), "-subj", "/serialNumber=" + body["serial"], "-outform", "DER")
                say({"csr": {"_0": base64.b64encode(csr).decode()}})
            elif kind == "birth":
                der = base64.b64decode(body["certificate"])
                open(path("birth.der"), "wb").write(der)
                say({"born": {"sha256": hashlib.sha256(der).hexdigest()}})
                break
            else:
                sys.exit(line)
        """

    @Test func `over a terminal serves the unit behind it`() throws {
        var master: Int32 = -1
        var slave: Int32 = -1
        var name = [CChar](repeating: 0, count: 128)
        guard openpty(&master, &slave, &name, nil, nil) == 0 else { throw POSIXError(.EIO) }
        close(slave)
        let path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let workshop = try Workshop()
        let batch = try workshop.open()
        let unit = SimulatedUnit()
        let end = master
        let group = DispatchGroup()
        group.enter()
        Thread {
            // Until the station opens its side the line is hung up.
            usleep(300_000)
            unit.speak(over: end)
            close(end)
            group.leave()
        }.start()
        let source = try LineAddress("pty:" + path).open(.init(answerSeconds: 5))
        let summary = RunBatch(batch, source: source, count: 1).perform { _ in }
        group.wait()
        #expect(summary.born == 1 && unit.certificate != nil)
    }

    @Test func `ends at once when the permit is used up`() throws {
        let workshop = try Workshop()
        let batch = try workshop.open(try workshop.permit(quantity: 1))
        #expect(try SimulatedUnit().visit(batch).outcome == .born)
        let source = try LineAddress("unix:" + workshop.home.path + "/line").open(.init())
        #expect(RunBatch(batch, source: source).perform { _ in }.stopped?.code == .gone)
    }

    @Test(arguments: ["", "exec:", "tcp:1", "unix", "stdio:x", "pty:"])
    func `needs a line with a name that exists`(text: String) {
        #expect(throws: Refusal.self) { try LineAddress(text) }
    }

    @Test func `refuses a path that is no terminal, or too long for a socket`() throws {
        let workshop = try Workshop()
        let file = try LineAddress("pty:" + workshop.home.path + "/station.json").open(.init())
        #expect(throws: Refusal.self) { try file.next(1) { false } }
        #expect(throws: Refusal.self) {
            try LineAddress("unix:/tmp/" + String(repeating: "x", count: 200)).open(.init())
        }
    }
}
