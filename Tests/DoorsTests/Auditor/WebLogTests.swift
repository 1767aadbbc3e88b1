import Auditor
import Foundation
import Ledger
import Testing
import Wire

@Suite struct `A log over HTTP` {
    @Test func `is audited like one in files, and one flipped bit is found`() async throws {
        let log = try LogFixture(counting: 1500)
        let server = try PythonServer(directory: log.directory)
        let sound = try await LogLocation.with(server.url + "/") { try await VerifyLog.run($0, key: log.key) }
        #expect(sound.verified, "\(sound.lines)")
        #expect(sound.entriesRead == 1500)
        try log.flip("tile/entries/004", byte: 2 + 2 * (log.leaves[1024].count + 2), bit: 7)
        let report = try await LogLocation.with(server.url) { try await VerifyLog.run($0, key: log.key) }
        #expect(report.findings.first?.detail == "entry 1026: leaf hash differs")
        #expect(!report.verified)
    }

    @Test func `gives its checkpoint under its prefix and under its own URL`() async throws {
        let log = try LogFixture(counting: 5)
        let server = try PythonServer(directory: log.directory)
        for location in [server.url, server.url + "/", server.url + "/checkpoint", log.path, log.path + "/checkpoint"] {
            let report = try await VerifyCheckpoint.run(at: location, key: log.key)
            #expect(report.verified)
            #expect(report.head == (try log.head))
        }
        await #expect(throws: Refusal.self) { try await VerifyCheckpoint.run(at: server.url + "/no", key: log.key) }
        await #expect(throws: Refusal.self) { try await VerifyCheckpoint.run(at: log.path + "/no", key: log.key) }
    }

    @Test func `is refused when it floods, compresses, fails or sends in circles`() async throws {
        let server = try PythonServer(
            script: """
                from http.server import *
                class Hostile(BaseHTTPRequestHandler):
                    protocol_version = 'HTTP/1.1'
                    def do_GET(self):
                        kind = self.path.split('/')[1]
                        if kind == 'flood':
                            self.send_response(200); self.send_header('Connection', 'close'); self.end_headers()
                            try:
                                while True: self.wfile.write(b'x' * 65536)
                            except OSError: self.close_connection = True
                            return
                        self.send_response({'gzip': 200, 'fail': 503, 'teapot': 418, 'circle': 302}[kind])
                        if kind == 'gzip': self.send_header('Content-Encoding', 'gzip')
                        if kind == 'circle': self.send_header('Location', self.path)
                        self.send_header('Content-Length', '0'); self.end_headers()
                    def log_message(self, *_): pass
                server = ThreadingHTTPServer(('127.0.0.1', 0), Hostile)
                print('port', server.server_address[1])
                server.serve_forever()
                """)
        let expected: [(String, Refusal.Code)] = [
            ("flood", .tooLarge), ("gzip", .unsupported), ("fail", .unavailable), ("teapot", .conflict),
            ("circle", .unavailable),
        ]
        for (kind, code) in expected {
            let refusal = await #expect(throws: Refusal.self) {
                try await LogLocation.with("\(server.url)/\(kind)") { source in
                    _ = try await source.read("checkpoint", limit: Note.maximumBytes)
                }
            }
            #expect(refusal?.code == code, "\(kind)")
        }
    }

    @Test func `that nobody serves is unavailable`() async throws {
        let refusal = await #expect(throws: Refusal.self) {
            try await LogLocation.with("http://127.0.0.1:9") { try await $0.read("checkpoint", limit: 10) }
        }
        #expect(refusal?.code == .unavailable)
    }
}

@Suite struct `A mirror` {
    private let target = FileManager.default.temporaryDirectory.appendingPathComponent("mirror-\(UUID().uuidString)")

    @Test func `holds the whole log, goes on where it stopped, and follows it`() async throws {
        defer { try? FileManager.default.removeItem(at: target) }
        let log = try LogFixture(counting: 600)
        let server = try PythonServer(directory: log.directory)
        func mirror() async throws -> MirrorReport {
            try await LogLocation.with(server.url) { try await MirrorLog.run(from: $0, to: target.path, key: log.key) }
        }
        let first = try await mirror()
        #expect(first.fetched == 3 + 3 + 1 && first.kept == 0)
        #expect(try await VerifyLog.run(DirectoryLog(target.path), key: log.key).verified)

        // As after an interruption: one file missing, one cut, no checkpoint.
        for path in ["checkpoint", "tile/0/001"] {
            try FileManager.default.removeItem(at: target.appendingPathComponent(path))
        }
        try Data([0]).write(to: target.appendingPathComponent("tile/entries/000"))
        let second = try await mirror()
        #expect(second.fetched == 2 && second.kept == 5)

        try log.append((600..<700).map { Array("entry \($0)".utf8) })
        let third = try await mirror()
        #expect(third.head.size == 700 && third.kept == 5)
        let report = try await VerifyLog.run(DirectoryLog(target.path), key: log.key)
        #expect(report.verified && report.head?.size == 700)
    }

    @Test func `keeps its history when the log rewrites its own`() async throws {
        defer { try? FileManager.default.removeItem(at: target) }
        let log = try LogFixture(counting: 600)
        _ = try await MirrorLog.run(from: DirectoryLog(log.path), to: target.path, key: log.key)
        let before = try Data(contentsOf: target.appendingPathComponent("checkpoint"))
        let others = (0..<700).map { Array((($0 == 3) ? "forged" : "entry \($0)").utf8) }
        for leaves in [others, Array(others.prefix(600)), Array(log.leaves.prefix(599))] {
            let rewritten = try LogFixture(leaves, signer: log.signer)
            let refusal = await #expect(throws: Refusal.self) {
                try await MirrorLog.run(from: DirectoryLog(rewritten.path), to: target.path, key: log.key)
            }
            #expect(refusal?.code == .conflict)
        }
        #expect(try Data(contentsOf: target.appendingPathComponent("checkpoint")) == before)
        #expect(try await VerifyLog.run(DirectoryLog(target.path), key: log.key).verified)
    }

    @Test func `of a log with a hole has no checkpoint`() async throws {
        defer { try? FileManager.default.removeItem(at: target) }
        let log = try LogFixture(counting: 600)
        try log.remove("tile/0/001")
        await #expect(throws: Refusal.self) {
            try await MirrorLog.run(from: DirectoryLog(log.path), to: target.path, key: log.key)
        }
        #expect(!FileManager.default.fileExists(atPath: target.appendingPathComponent("checkpoint").path))
    }
}
