import Agent
import Crypto
import Foundation
import Testing
import Trust
import Wire

/// A device, its disk and its service, for one test.
struct Life {
    let bench: AgentBench
    let minded: MindedService
    let service: ScriptedService
    let transport: DeviceTransport
    let disk: MemoryDisk
    let keys: MemoryKeys
    let home = AgentHome("/home")

    static func lead(
        limits: DeviceTransport.Limits = .init(), _ body: (Life) async throws -> Void
    ) async throws {
        let bench = try AgentBench()
        let minded = MindedService(bench)
        let life = Life(
            bench: bench, minded: minded,
            service: try ScriptedService(tls: bench.serverTLS()) { minded.answer($0) },
            transport: DeviceTransport(limits: limits), disk: MemoryDisk(), keys: MemoryKeys())
        do { try await body(life) } catch { Issue.record("\(error)") }
        await life.transport.shutdown()
        await life.service.stop()
    }

    func agent(_ settings: AgentSettings = AgentSettings()) throws -> Agent {
        try bench.agent(on: disk, keys: keys, port: service.port, transport: transport, settings: settings)
    }

    /// Starts the agent and lets it do what is due, once.
    @discardableResult
    func once(_ settings: AgentSettings = AgentSettings()) async throws -> String {
        try await agent(settings).run(once: true)
    }

    func enrol() async throws {
        minded.change { $0.state = .notEnrolled }
        try await once()
    }

    func offer(_ artifact: [UInt8], sequence: Int = 1, served: [UInt8]? = nil, key: EphemeralKey? = nil) throws {
        let manifest = ReleaseManifest(
            product: AgentBench.product, sequence: sequence, version: "\(sequence).0", hardware: [AgentBench.hardware],
            sha256: Wire.Digest(SHA256.hash(data: artifact)), size: artifact.count, created: AgentBench.now)
        try offer(manifest, artifact, served: served, key: key)
    }

    func offer(
        _ manifest: ReleaseManifest, _ artifact: [UInt8], served: [UInt8]? = nil, key: EphemeralKey? = nil
    ) throws {
        let seal = try Seal.sign(
            type: Seal.PayloadType.manifest, payload: try CanonicalJSON.encode(manifest), with: key ?? bench.releaseKey)
        minded.change {
            $0.update = DesiredState.Update(manifest: seal, path: DeviceAPI.artifacts + "\(manifest.sha256)")
            $0.artifact = served ?? artifact
        }
    }

    func running() throws -> Int { try HomeStatus(of: home, on: disk).image.sequence }
    var receipts: [Receipt.Kind] { minded.look { $0.receipts.map(\.kind) } }
}

@Suite struct `A device's life` {
    @Test func `begins with waiting for an owner`() async throws {
        try await Life.lead { life in
            try await life.once()
            #expect(life.minded.look { $0.requests } == ["GET \(DeviceAPI.status)"])
            #expect(try HomeStatus(of: life.home, on: life.disk).lastWord?.state == .notPaired)
        }
    }

    @Test func `goes on with a proof that it is there, enrolment and a check-in`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.pairing = .init(nonce: "bm9uY2U=", expires: AgentBench.now.adding(seconds: 900)) }
            try await life.once()
            #expect(life.receipts == [.pairingProof])
            try await life.once()
            #expect(life.minded.look { $0.enrolments.count } == 1)
            #expect(life.minded.look { $0.reports.count } == 1)
            let request = life.minded.look { $0.enrolments[0] }
            #expect(request.spki != life.minded.look { $0.birthKey })
            #expect(try life.keys.labels().count == 2)
            #expect(life.minded.look { $0.log.map(\.kind) } == ["pairing", "enrolled"])
            // Steady: one call a contact.
            life.minded.change { $0.requests = [] }
            try await life.once()
            #expect(life.minded.look { $0.requests } == ["POST \(DeviceAPI.checkIn)"])
        }
    }

    @Test func `repeats the identical request when enrolment takes its time`() async throws {
        try await Life.lead { life in
            life.minded.change { ($0.state, $0.laterOnce) = (.notEnrolled, true) }
            try await life.once()
            try await Task.sleep(for: .milliseconds(1100))
            try await life.once()
            let requests = life.minded.look { $0.enrolments.map(\.der) }
            #expect(requests.count == 2 && requests.first == requests.last)
            #expect(try HomeStatus(of: life.home, on: life.disk).operational != nil)
        }
    }

    @Test func `renews at two thirds of the certificate's life, with a new key and the same subject`() async throws {
        try await Life.lead { life in
            // Made a minute ago for four seconds more: due when it comes.
            life.minded.change { $0.certificateLife = 4 }
            try await life.enrol()
            let first = life.minded.look { $0.enrolments[0].spki }
            #expect(life.minded.look { $0.enrolments.count } == 1)
            life.minded.change { $0.certificateLife = 86_400 }
            try await Task.sleep(for: .milliseconds(1500))
            try await life.once()
            #expect(life.minded.look { $0.requests.last { $0.contains("est") } }?.hasSuffix("simplereenroll") == true)
            #expect(life.minded.look { $0.enrolments.count } == 2)
            #expect(life.minded.look { $0.enrolments[1].spki } != first)
            #expect(try life.keys.labels().count == 2)
        }
    }

    @Test func `falls back to the birth certificate when the operational one is revoked`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change {
                $0.liveKeys = []
                $0.state = .notEnrolled
            }
            try await life.once()
            #expect(life.minded.look { $0.enrolments.count } == 2)
            #expect(life.minded.look { $0.reports.count } == 2)
            #expect(try life.keys.labels().count == 2)
        }
    }

    @Test func `stands still in quarantine, and goes on with the same certificate`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change {
                $0.state = .quarantined
                $0.requests = []
            }
            let agent = try life.agent()
            for _ in 0..<3 { _ = await agent.round() }
            let asked = life.minded.look { $0.requests }
            #expect(
                asked.first == "POST \(DeviceAPI.checkIn)" && asked.dropFirst().allSatisfy { $0.hasSuffix("status") })
            life.minded.change { $0.state = .enrolled }
            for _ in 0..<2 { _ = await agent.round() }
            #expect(life.minded.look { $0.reports.count } == 2)
            #expect(life.minded.look { $0.enrolments.count } == 1)
        }
    }

    @Test func `applies a configuration once and signs for it`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.configuration = .init(version: 3, document: "{\"target\":21}") }
            try await life.enrol()
            #expect(try life.disk.readWhole("/home/configuration.json") == Array("{\"target\":21}".utf8))
            #expect(life.receipts == [.configured])
            try await life.once()
            #expect(life.receipts == [.configured])
            #expect(life.minded.look { $0.reports.last?.configuration } == 3)
            life.minded.change { $0.configuration = .init(version: 4, document: "{}") }
            try await life.once()
            #expect(try life.disk.names(in: "/home/configuration") == ["4.json"])
        }
    }

    @Test func `takes an update, tries it, keeps it and signs for it`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("release one".utf8))
            try await life.once()
            #expect(try life.running() == 1)
            #expect(life.receipts == [.updated])
            let receipt = life.minded.look { $0.receipts[0] }
            #expect(receipt.artifact == Wire.Digest(SHA256.hash(data: Array("release one".utf8))))
            #expect(life.minded.look { $0.reports.last?.slot } == "b")
        }
    }

    @Test func `goes back from a release that is not healthy`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("bad".utf8))
            var settings = AgentSettings()
            settings.health = HealthCommand("test \"$LIFELONG_SLOT\" = /nowhere")
            try await life.once(settings)
            #expect(try life.running() == 0)
            #expect(life.receipts == [.rolledBack])
            #expect(life.minded.look { $0.receipts[0].reason } == "The health command ended with 1.")
        }
    }

    @Test func `refuses a release of a stranger, and an artifact that was tampered with`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            try life.offer(Array("release".utf8), key: EphemeralKey())
            try await life.once()
            #expect(life.receipts == [.refused])
            #expect(!life.minded.look { $0.requests.contains { $0.contains("artifacts") } })
            try life.offer(Array("release".utf8), served: Array("releasE".utf8))
            try await life.once()
            #expect(life.receipts == [.refused, .refused])
            #expect(try life.running() == 0)
            #expect(try life.disk.names(in: "/home/slots/b").isEmpty)
        }
    }

    @Test func `keeps a receipt until the service has it`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change {
                $0.configuration = .init(version: 1, document: "{}")
                $0.failingReceipts = 2
            }
            let agent = try life.agent()
            _ = await agent.round()
            #expect(life.receipts.isEmpty)
            // Not even a restart loses it.
            try await life.once()
            #expect(life.receipts.isEmpty)
            try await life.once()
            #expect(life.receipts == [.configured])
            #expect(try life.disk.names(in: "/home/outbox").isEmpty)
        }
    }

    @Test func `wipes everything of the tenure, says so with the birth key, and begins the next one`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.configuration = .init(version: 1, document: "{\"wifi\":\"secret\"}") }
            try await life.enrol()
            try life.disk.write(Array("the owner's".utf8), to: "/home/data/photo")
            let key = life.minded.look { $0.enrolments[0].spki }
            life.minded.change {
                ($0.state, $0.wipe, $0.liveKeys, $0.configuration) = (
                    .transferPending, .init(nonce: "bm9uY2U="), [], nil
                )
            }
            try await life.once()
            #expect(life.receipts == [.configured, .wiped])
            #expect(try life.disk.names(in: "/home/data").isEmpty)
            #expect(try life.disk.names(in: "/home/configuration").isEmpty)
            #expect(try life.disk.target(of: "/home/configuration.json") == nil)
            #expect(try life.disk.size(of: life.home.wipe) == nil)
            // The new tenure enrolled at once, with a key of its own, and the log went on without a gap.
            #expect(life.minded.look { $0.enrolments.count } == 2)
            #expect(life.minded.look { $0.enrolments[1].spki } != key)
            #expect(life.minded.look { $0.log.map(\.kind) }.contains("wiped"))
            #expect(try life.keys.labels().count == 2)
        }
    }

    /// A wipe is cut at every file operation; however it is, the device ends up wiped and with the nonce's receipt.
    @Test func `wipes although the power is cut`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.configuration = .init(version: 1, document: "{}") }
            try await life.enrol()
            try life.disk.write(Array("the owner's".utf8), to: "/home/data/photo")
            life.disk.restart(.everything)
            let (before, mind) = (life.disk, life.minded.look { $0 })
            let birth = DeviceKeys.birth
            var cut = 0
            while true {
                cut += 1
                let disk = before.copy()
                life.minded.change {
                    $0 = mind
                    ($0.state, $0.wipe, $0.liveKeys) = (.retired, .init(nonce: "bm9uY2U="), [])
                }
                func agent() throws -> Agent {
                    try life.bench.agent(on: disk, keys: life.keys, port: life.service.port, transport: life.transport)
                }
                disk.cutPower(at: cut, persisted: cut.isMultiple(of: 2))
                let ended = try? await agent().run(once: true)
                disk.restart(MemoryDisk.Aftermath.allCases[cut % 4])
                let last = try await agent().run(once: true)
                #expect(last.hasPrefix("This device is retired"), "cut at \(cut), \(life.minded.look { $0.requests })")
                #expect(try disk.names(in: "/home/data").isEmpty, "cut at \(cut)")
                #expect(life.minded.look { $0.receipts.last?.kind } == .wiped, "cut at \(cut)")
                #expect(try life.keys.labels() == [birth], "cut at \(cut)")
                if ended?.hasPrefix("This device is retired") == true { break }
                guard cut < 200 else {
                    Issue.record("It never ends.")
                    break
                }
            }
            #expect(cut > 20)
        }
    }

    @Test func `ends for good when it is retired`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            life.minded.change { ($0.state, $0.wipe, $0.liveKeys) = (.retired, .init(nonce: "bm9uY2U="), []) }
            #expect(try await life.once().hasPrefix("This device is retired"))
            #expect(life.receipts == [.wiped])
            life.minded.change { $0.requests = [] }
            #expect(try await life.once().hasPrefix("This device is retired"))
            #expect(life.minded.look { $0.requests.isEmpty })
        }
    }

    @Test func `waits as long as it is told when the service is in trouble`() async throws {
        try await Life.lead { life in
            life.minded.change { $0.failing = (2, 503) }
            let agent = try life.agent()
            for _ in 0..<2 {
                guard case .after = await agent.round() else {
                    Issue.record("It did not wait.")
                    return
                }
            }
            _ = await agent.round()
            #expect(life.minded.look { $0.requests.count } == 3)
        }
    }
}
