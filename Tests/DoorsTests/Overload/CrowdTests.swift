import Agent
import Crypto
import Foundation
import NIOHTTP1
import NIOSSL
import Passport
import Registry
import Server
import Testing
import Trust
import Use
import Wire
import Workbench

/// Answers in the order of their coming.
private actor Arrived {
    private(set) var all: [BenchClient.Answer] = []
    func add(_ answer: BenchClient.Answer) { all.append(answer) }
}

private actor Arrivals {
    private(set) var count = 0
    func one() { count += 1 }
}

@Suite struct `A crowded device plane` {
    /// Where a connection that means no good stops.
    enum Stop: String, CaseIterable, Sendable {
        case beforeAnything, inTheHello, afterTheHandshake, inTheHead, inTheBody
    }

    private static let start =
        "POST \(DeviceAPI.checkIn) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    @Test(.timeLimit(.minutes(1)), arguments: Stop.allCases)
    func `closes connections that stop anywhere on the way`(_ stop: Stop) async throws {
        let scene = try await DeviceScene()
        try await DeviceBench.run(
            scene.bench,
            settings: {
                $0.idleSeconds = 1
                $0.door.bodySeconds = 1
                $0.door.admission.handshakeSeconds = 1
                // One of them must not keep the others out.
                $0.door.admission.handshakes = 1
            }
        ) { door in
            let tls: TLSConfiguration? =
                stop == .beforeAnything || stop == .inTheHello
                ? nil : try scene.operational.identity.tlsConfiguration(anchors: door.anchors)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await RawConnection.with(port: door.ports.device, tls: tls) { connection in
                            switch stop {
                            case .beforeAnything, .afterTheHandshake: break
                            // The beginning of a TLS record of 512 bytes.
                            case .inTheHello: try await connection.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
                            case .inTheHead: try await connection.send(Self.start + "X-More: ")
                            case .inTheBody:
                                try await connection.send(Self.start + "Content-Length: 50\r\n\r\n{\"agent")
                            }
                            return await connection.isClosed()
                        }
                    }
                }
                for try await isClosed in group { #expect(isClosed) }
            }
            #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [Stop.beforeAnything, .inTheHello])
    func `serves others while many connections say nothing`(_ stop: Stop) async throws {
        let scene = try await DeviceScene()
        // Long enough that whoever waited behind them would give up.
        try await DeviceBench.run(
            scene.bench,
            settings: {
                $0.door.admission.handshakeSeconds = 300
                $0.door.admission.handshakes = 2
            }
        ) { door in
            try await withThrowingTaskGroup(of: Void.self) { group in
                let open = Arrivals()
                for _ in 0..<8 {
                    group.addTask {
                        try await RawConnection.with(port: door.ports.device) { connection in
                            if stop == .inTheHello {
                                try await connection.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
                            }
                            await open.one()
                            while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
                        }
                    }
                }
                while await open.count < 8 { try await Task.sleep(for: .milliseconds(10)) }
                #expect(try await door.client(scene.operational.identity).status().state == .enrolled)
                group.cancelAll()
                while let done = await group.nextResult() { _ = done }
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `closes a reader that does not read`() async throws {
        let scene = try await DeviceScene()
        let house = scene.bench.house
        let artifact = Data(count: 32 << 20)
        let sha256 = Wire.Digest(SHA256.hash(data: artifact))
        try artifact.write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1.1", hardware: [HouseBench.hardware],
                sha256: sha256, size: artifact.count), as: .system)
        _ = try await house.perform(OfferUpdate(product: HouseBench.product, sequence: 1), as: .system)
        for (der, file) in [(scene.unit.certificate, "birth.pem"), (try #require(scene.root), "root.pem")] {
            try PEM.encode(der, label: "CERTIFICATE").write(
                toFile: "\(scene.bench.folder)/\(file)", atomically: true, encoding: .utf8)
        }
        let key = scene.bench.birthKeyFile(scene.unit)
        try await DeviceBench.run(scene.bench, settings: { $0.idleSeconds = 1 }) { door in
            // Reads a little, and then nothing for as long as it lasts; then what was on the way, and the end of it.
            let script = """
                import socket, ssl, sys, time
                context = ssl.create_default_context(cafile="root.pem"); context.load_cert_chain("birth.pem", "\(key)")
                raw = socket.create_connection(("127.0.0.1", \(door.ports.device)))
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                tls = context.wrap_socket(raw, server_hostname="localhost")
                tls.sendall(b"GET \(DeviceAPI.artifacts)\(sha256) HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
                got = len(tls.recv(1000)); time.sleep(6); end = time.time() + 20
                try:
                    while time.time() < end:
                        part = tls.recv(65536)
                        if not part: break
                        got += len(part)
                except OSError: pass
                print("cut" if got < \(artifact.count) else "whole", got)
                """
            let reader = try await OutsideProgram.run("python3", ["-c", script], in: scene.bench.folder, seconds: 40)
            #expect(reader.text.hasPrefix("cut"), "\(reader.text)\(reader.errors)")
            #expect(try await door.client(scene.operational.identity).status().state != .revoked)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `lets no device starve the others`() async throws {
        let scene = try await DeviceScene()
        let other = try await scene.bench.makeUnits(1, station: "line-2")[0]
        try await scene.bench.pair(other, with: scene.ada)
        let quiet = try await scene.bench.enrol(other)
        // A minute's worth at once: 60, and then one a second.
        try await DeviceBench.run(scene.bench, settings: { $0.door.admission.perDeviceSecond = 1 }) { door in
            let greedy = try door.client(scene.operational.identity)
            let modest = try door.client(quiet.identity)
            var served = 0
            for round in 0..<140 {
                let answer = try await greedy.post(DeviceAPI.checkIn, json: scene.report())
                if answer.status == 200 {
                    served += 1
                } else {
                    expectRefusal(answer, 429, rule: "fairness")
                    #expect(answer.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 0 >= 1)
                }
                guard round % 5 == 0 else { continue }
                #expect(try await modest.post(DeviceAPI.checkIn, json: scene.report()).status == 200)
            }
            #expect(served >= 60 && served < 140, "\(served) of 140")
            // Its birth certificate has a bucket of its own: a device that lost its way still learns where it stands.
            #expect(try await door.birth(scene.unit).get(DeviceAPI.status).status == 200)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `refuses what is too much with 503 and a time to come back`() async throws {
        let scene = try await DeviceScene()
        let bench = scene.bench
        let units = try await bench.makeUnits(6, station: "line-2")
        for unit in units { try await bench.pair(unit, with: scene.ada) }
        try await DeviceBench.run(bench, settings: { $0.door.admission.requests = 2 }) { door in
            // The writer is held: whoever enrols waits, two at most.
            let hold = DispatchSemaphore(value: 0)
            let holding = Task { try await bench.house.change(as: .system) { _ in hold.wait() } }
            let answers = Arrived()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for unit in units {
                    group.addTask {
                        let request = try CertificationRequest.enrolment(device: unit.device, key: EphemeralKey())
                        let answer = try await door.birth(unit).enrol(request)
                        await answers.add(answer)
                    }
                }
                let end = ContinuousClock.now + .seconds(20)
                while await answers.all.count < 4, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(20))
                }
                let early = await answers.all
                #expect(early.count == 4, "Refusing waits for what is overloaded.")
                for answer in early {
                    expectRefusal(answer, 503, rule: "overload")
                    #expect((5...30).contains(answer.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 0))
                }
                hold.signal()
                try await group.waitForAll()
            }
            try await holding.value
            #expect(await answers.all.filter { $0.status == 200 }.count == 2)
            // Nothing is left behind: everybody is served now.
            for unit in units {
                let request = try CertificationRequest.enrolment(device: unit.device, key: EphemeralKey())
                #expect(try await door.birth(unit).enrol(request).status == 200)
            }
        }
    }
}

extension DeviceScene {
    fileprivate var root: [UInt8]? { bench.house.authorities.known(Authorities.Name.operationalRoot)?.certificate }
}
