import Agent
import Foundation
import NIOHTTP1
import NIOSSL
import Passport
import Registry
import Server
import Testing
import Use
import Wire
import Workbench

private final class Flag: Sendable {
    private let state = Locked(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

@Suite struct `The lean plane` {
    private func tls(_ scene: DeviceScene, _ door: DeviceBench) throws -> TLSConfiguration {
        try scene.operational.identity.tlsConfiguration(anchors: door.anchors)
    }

    private func checkIn(_ scene: DeviceScene, more: String = "") throws -> String {
        let body = String(decoding: try CanonicalJSON.encode(scene.report()), as: UTF8.self)
        return "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(more)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func `answers pipelined requests in their order, waiting ones too`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let status = "GET \(DeviceAPI.status) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let nothing = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let waiting = "GET \(DeviceAPI.artifacts)\(String(repeating: "0", count: 64)) HTTP/1.1\r\nHost: x\r\n\r\n"
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                let all = try checkIn(scene) + waiting + nothing + status + waiting + checkIn(scene)
                try await connection.send(all)
                for expected in [200, 403, 404, 200, 403, 200] {
                    #expect(try await connection.answer().status == expected)
                }
            }
        }
    }

    @Test func `knows HEAD, other methods, old versions, chunks and Expect`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send("DELETE \(DeviceAPI.status) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let other = try await connection.answer()
                #expect(other.status == 405 && other.head.contains("Allow: GET, HEAD"), "\(other)")
                let body = String(decoding: try CanonicalJSON.encode(scene.report()), as: UTF8.self)
                try await connection.send(
                    "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n3\r\n\(body.prefix(3))\r\n"
                        + "\(String(body.utf8.count - 3, radix: 16))\r\n\(body.dropFirst(3))\r\n0\r\n\r\n")
                #expect(try await connection.answer().status == 200)
                try await connection.send(
                    "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                #expect(try await connection.answer().status == 100)
                try await connection.send(body)
                #expect(try await connection.answer().status == 200)
            }
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send("GET \(DeviceAPI.status) HTTP/1.0\r\n\r\n")
                #expect(try await connection.answer().head.contains("Connection: close"))
                #expect(await connection.isClosed())
            }
            let answer = try await door.anybody.send(.HEAD, "/crl/operational-issuing-1.crl")
            #expect(answer.status == 200 && answer.body.isEmpty)
        }
    }

    @Test func `closes a head that trickles`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench, settings: { $0.idleSeconds = 1 }) { door in
            let start = ContinuousClock.now
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                try await connection.send("GET \(DeviceAPI.status) HTTP/1.1\r\n")
                var isCut = false
                while !isCut, ContinuousClock.now - start < .seconds(20) {
                    do { try await connection.send("X: y\r\n") } catch { isCut = true }
                    try await Task.sleep(for: .milliseconds(100))
                }
                #expect(isCut)
            }
        }
    }

    @Test func `lets no check-in through once a quarantine was answered, in a storm of them`() async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(scene.bench) { door in
            let request = try checkIn(scene)
            let tls = try tls(scene, door)
            for _ in 0..<5 {
                let answered = Flag()
                let late = try await withThrowingTaskGroup(of: (before: Int, late: Int).self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            try await RawConnection.with(port: door.ports.device, tls: tls) { connection in
                                var counts = (before: 0, late: 0)
                                for _ in 0..<2000 {
                                    let isLate = answered.isSet
                                    try await connection.send(request)
                                    let status = try await connection.answer().status
                                    if status == 200 { if isLate { counts.late += 1 } else { counts.before += 1 } }
                                    if isLate { break }
                                }
                                return counts
                            }
                        }
                    }
                    try await Task.sleep(for: .milliseconds(50))
                    try await scene.quarantine()
                    answered.set()
                    var sum = (before: 0, late: 0)
                    for try await counts in group {
                        sum.before += counts.before
                        sum.late += counts.late
                    }
                    return sum
                }
                #expect(late.late == 0)
                _ = try await scene.bench.house.perform(RestoreDevice(device: scene.unit.serial), as: .system)
            }
        }
    }

    @Test func `hears within a second of what another node decided`() async throws {
        let scene = try await DeviceScene()
        let house = scene.bench.house
        let other = try await House(
            database: house.database, keys: house.keys, settings: house.settings, log: house.log, clock: house.clock,
            random: BenchClock.random)
        try await DeviceBench.run(scene.bench) { door in
            let request = try checkIn(scene)
            try await RawConnection.with(port: door.ports.device, tls: tls(scene, door)) { connection in
                for _ in 0..<3 {
                    try await connection.send(request)
                    #expect(try await connection.answer().status == 200)
                }
                _ = try await other.perform(QuarantineDevice(device: scene.unit.serial, reason: "t"), as: .system)
                let decided = ContinuousClock.now
                var status = 200
                while status == 200, ContinuousClock.now - decided < .seconds(4) {
                    try await connection.send(request)
                    status = try await connection.answer().status
                }
                #expect(status == 403)
            }
        }
    }
}
