import Agent
import Foundation
import NIOSSL
import Passport
import Registry
import Server
import Store
import Testing
import Wire
import Workbench

@Suite struct `The device plane` {
    private func tls(_ scene: DeviceScene, _ door: DeviceBench) throws -> TLSConfiguration {
        try scene.operational.identity.tlsConfiguration(anchors: door.anchors)
    }

    private static let head =
        "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    @Test func `gives up a body that trickles`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench, settings: { $0.door.bodySeconds = 1 }) { door in
            // Much less than the half minute that holds elsewhere, with room for a busy machine.
            let start = ContinuousClock.now
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send(Self.head + "Content-Length: 1000\r\n\r\n")
                for _ in 0..<8 {
                    try await connection.send(" ")
                    try await Task.sleep(for: .milliseconds(100))
                }
                let answer = try await connection.answer()
                #expect(answer.status == 400 && answer.body.contains("slow body"), "\(answer)")
                #expect(ContinuousClock.now - start < .seconds(20))
            }
            #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
        }
    }

    @Test(arguments: ["Content-Length: 99999999999", "Transfer-Encoding: chunked"])
    func `stops reading a body that does not end`(_ length: String) async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send(Self.head + "\(length)\r\n\r\n")
                let piece = String(repeating: " ", count: 16_384)
                let framed = length.hasPrefix("T") ? "4000\r\n\(piece)\r\n" : piece
                var isCut = false
                let end = ContinuousClock.now + .seconds(20)
                while !isCut, ContinuousClock.now < end {
                    do { try await connection.send(framed) } catch { isCut = true }
                }
                #expect(isCut)
            }
            #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
        }
    }

    @Test func `says that a body is too large before it reads it`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send(Self.head + "Content-Length: 99999999999\r\n\r\n")
                #expect(try await connection.answer().status == 413)
            }
        }
    }

    @Test(arguments: [
        "GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /device/v1/status HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET /device/v1/status HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
        "POST /device/v1/check-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ])
    func `answers malformed HTTP with an error, or closes, and goes on`(_ bytes: String) async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send(bytes)
                if let answer = try? await connection.answer() {
                    #expect((400...505).contains(answer.status), "\(answer)")
                }
            }
            #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
        }
    }

    @Test func `bounds the head of a request`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            for head in [
                "X: \(String(repeating: "a", count: 20_000))\r\n", String(repeating: "X: y\r\n", count: 200),
                String(repeating: "X: \(String(repeating: "a", count: 4000))\r\n", count: 20),
            ] {
                try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                    try await connection.send("GET \(DeviceAPI.status) HTTP/1.1\r\nHost: localhost\r\n\(head)\r\n")
                    if let answer = try? await connection.answer() {
                        #expect((400...499).contains(answer.status), "\(answer)")
                    }
                }
            }
            #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
        }
    }

    @Test func `closes a connection that says nothing, before and after the handshake`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench, settings: { $0.idleSeconds = 1 }) { door in
            let start = ContinuousClock.now
            try await RawConnection.with(port: door.ports.device) { connection in #expect(await connection.isClosed()) }
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send("GET \(DeviceAPI.status) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try await connection.answer().status == 200)
                #expect(await connection.isClosed())
            }
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test func `lets connections beyond its bound wait for their turn`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench, settings: { $0.maximumConnections = 4 }) { door in
            let tls = try tls(scene, door)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<24 {
                    group.addTask {
                        try await RawConnection.with(port: door.ports.device, tls: tls) { connection in
                            try await connection.send(
                                "GET \(DeviceAPI.status) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                            return try await connection.answer().status
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.count == 24 && statuses.allSatisfy { $0 == 200 })
        }
    }

    @Test func `closes what is not TLS and goes on`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            for bytes in [
                Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [UInt8](repeating: 0x16, count: 4096),
                [0x16, 3, 1, 255, 255],
            ] {
                try await RawConnection.with(port: door.ports.device) { connection in
                    try await connection.send(bytes)
                    if bytes.count > 5 { #expect(await connection.isClosed()) }
                }
            }
            #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
        }
    }

    @Test func `renews the certificates that it gives itself while it runs`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench, settings: { $0.renewalSeconds = 1 }) { door in
            let subject = "service-tls:localhost,127.0.0.1"
            func issued() async throws -> Int {
                try await scene.bench.house.read { rows in
                    try rows.count(
                        "SELECT COUNT(*) AS n FROM certificate WHERE purpose IN ($1, $2) AND state = 'issued'",
                        [.text(subject), .text("ocsp-operational-issuing-1")])
                }
            }
            #expect(try await issued() == 2)
            scene.bench.clock.advance(days: 300)
            for _ in 0..<200 where try await issued() < 4 { try await Task.sleep(for: .milliseconds(100)) }
            #expect(try await issued() == 4)
        }
    }
}
