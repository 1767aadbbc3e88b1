import Crypto
import Foundation
import NIOHTTP1
import Registry
import Server
import Store
import Testing
import Trust
import Wire
import Workbench

/// Answers that do not fit into what a system takes at once, on the plane that anybody may call.
@Suite struct `A large answer` {
    private static let list = "/crl/\(Authorities.Name.issuing).crl"

    /// In the place of the revocation list: so many bytes, none of them like its neighbour.
    private func fill(_ scene: DeviceScene, _ count: Int) async throws -> [UInt8] {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try await scene.bench.house.change(as: .system) { change in
            let changed = try change.rows.execute(
                "UPDATE crl SET der = $1, number = number + 1 WHERE authority = $2",
                [.bytes(bytes), .text(Authorities.Name.issuing)])
            #expect(changed == 1)
        }
        return bytes
    }

    /// A reader with a small window that takes a piece now and then; prints how much of the body it got and its SHA-256.
    private static func reader(_ port: Int, _ version: String, pause: Double) -> String {
        """
        import hashlib, socket, sys, time
        raw = socket.socket(); raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); raw.settimeout(20)
        raw.connect(("127.0.0.1", \(port)))
        raw.sendall(b"GET \(list) HTTP/\(version)\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
        got = b""
        while True:
            part = raw.recv(32768)
            if not part: break
            got += part
            time.sleep(\(pause))
        body = got.split(b"\\r\\n\\r\\n", 1)[1]
        print(len(body), hashlib.sha256(body).hexdigest())
        """
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["1.0", "1.1"])
    func `arrives whole before its connection is closed, however slowly it is read`(version: String) async throws {
        let scene = try await DeviceScene()
        // Longer than a connection may be idle, and each piece well within that.
        try await DeviceBench.run(scene.bench, settings: { $0.idleSeconds = 1 }) { door in
            // Small enough to go out with its head, and large enough to go out in pieces.
            for (count, pause) in [(60_000, 0.0), (900_000, 0.05)] {
                let bytes = try await fill(scene, count)
                let script = Self.reader(door.ports.open, version, pause: pause)
                let read = try await OutsideProgram.run("python3", ["-c", script], in: scene.bench.folder, seconds: 50)
                let wanted = "\(count) \(Wire.Digest(SHA256.hash(data: bytes)))"
                #expect(read.text.split(separator: "\n").first.map(String.init) == wanted, "\(read.text)\(read.errors)")
            }
        }
    }

    @Test func `is answered to HEAD by its length, and is the newest of the database`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            for count in [100_000, 300_000] {
                let bytes = try await fill(scene, count)
                for _ in 0..<3 { #expect(try await door.anybody.get(Self.list).body == bytes) }
                let head = try await door.anybody.send(.HEAD, Self.list)
                #expect(head.headers.first(name: "Content-Length") == "\(count)" && head.body.isEmpty)
            }
        }
    }
}

@Suite struct `A connection that wants more than an answer` {
    @Test(arguments: ["Upgrade: h2c\r\nConnection: Upgrade", "Upgrade: websocket\r\nConnection: keep-alive, Upgrade"])
    func `is answered in HTTP, and is over`(wish: String) async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            for (port, path) in [(door.ports.open, "/healthz"), (door.ports.people, "/readyz")] {
                try await RawConnection.with(port: port) { connection in
                    try await connection.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(wish)\r\n\r\n")
                    let answer = try await connection.answer()
                    #expect(answer.status == 200, "\(answer)")
                    #expect(await connection.isClosed())
                }
                try await RawConnection.with(port: port) { connection in
                    let body = "{\"name\":\"x\"}"
                    try await connection.send(
                        "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(wish)\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                    #expect((400..<500).contains(try await connection.answer().status))
                    #expect(await connection.isClosed())
                }
            }
        }
    }

    @Test func `is closed when it sends hundreds of requests without an answer`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            try await RawConnection.with(port: door.ports.open) { connection in
                try await connection.send(String(repeating: request, count: 50))
                for _ in 0..<50 { #expect(try await connection.answer().status == 200) }
            }
            try await RawConnection.with(port: door.ports.open) { connection in
                try await connection.send(String(repeating: request, count: 2000))
                #expect(await connection.isClosed())
            }
            #expect(try await door.anybody.get("/healthz").status == 200)
        }
    }
}
