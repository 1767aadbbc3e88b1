import Agent
import Crypto
import NIOCore
import TUF
import Testing
import Trust
import Wire

/// The attacks of the TUF and Uptane papers on a whole agent, by whoever holds its service, and its release key besides: every offer
/// here is sealed by it.
@Suite struct `A device that demands update metadata` {
    /// A device that runs release 1, with the repository that it took it from.
    private func lead(
        limits: DeviceTransport.Limits = .init(), _ body: (Life, inout MirroredRepository) async throws -> Void
    ) async throws {
        try await Life.lead(limits: limits) { life in
            var repository = try MirroredRepository()
            let first = try repository.release(1)
            try await life.enrol()
            try life.offer(repository, first)
            try await life.once()
            #expect(try life.running() == 1)
            try await body(life, &repository)
        }
    }

    /// Nothing was written where images are, and the release that runs is the one before.
    private func expectUntouched(_ life: Life, _ place: String, running: Int = 1) throws {
        #expect(try life.running() == running, "\(place)")
        #expect(try life.disk.names(in: life.home.download).isEmpty, "\(place)")
        let other = try Slots(on: life.disk, folder: life.home.slots).active().other
        let held = try Slots(on: life.disk, folder: life.home.slots).content(of: other)
        #expect((held?.manifest.sequence ?? -1) < running, "\(place)")
        #expect(!life.minded.look { $0.requests.contains { $0.contains(DeviceAPI.artifacts) } }, "\(place)")
    }

    /// Offered again and again, it is not taken, and the service is told by which rule; no receipt says that the release is bad.
    private func expectUnproven(
        _ life: Life, _ rule: String, running: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        life.minded.change { ($0.requests, $0.receipts) = ([], []) }
        let agent = try life.agent()
        _ = try await agent.run(once: true)
        _ = try await agent.run(once: true)
        let told = life.minded.look { $0.reports.last?.posture["metadata"] }
        #expect(told == "refused: TUF 1.0.34 §\(rule)", sourceLocation: sourceLocation)
        #expect(life.receipts.isEmpty, sourceLocation: sourceLocation)
        try expectUntouched(life, rule, running: running)
    }

    private func expectRefused(
        _ life: Life, _ reason: String, running: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        life.minded.change { ($0.requests, $0.receipts) = ([], []) }
        try await life.once()
        #expect(life.receipts == [.refused], sourceLocation: sourceLocation)
        let told = life.minded.look { $0.receipts.last?.reason } ?? ""
        #expect(told.contains(reason), "\(told)", sourceLocation: sourceLocation)
        try expectUntouched(life, reason, running: running)
    }

    private func anchor(_ life: Life) throws -> ServiceAnchor {
        try #require(try life.disk.read(ServiceAnchor.self, from: life.home.service))
    }

    @Test func `has its root from the first manifest that names one, and takes nothing else from then on`() async throws
    {
        try await lead { life, repository in
            #expect(try anchor(life).updates == repository.manifest(1).metadata?.root)
            let second = try repository.release(2)
            try life.offer(repository, second)
            try await life.once()
            #expect(try life.running() == 2)
            // What a thief of the release key alone makes: without metadata, and with a root of the thief's own.
            var bare = repository.manifest(3)
            bare.metadata = nil
            try life.offer(repository, bare)
            try await expectRefused(life, "not in update metadata", running: 2)
            var thief = try MirroredRepository()
            let foreign = try thief.release(3)
            try life.offer(thief, foreign)
            try await expectUnproven(life, "5.4.2", running: 2)
            #expect(try anchor(life).updates == repository.manifest(1).metadata?.root)
        }
    }

    @Test func `begins with the very root that was named, or not at all`() async throws {
        try await Life.lead { life in
            var repository = try MirroredRepository()
            let first = try repository.release(1)
            try await life.enrol()
            try life.offer(repository, first)
            let other = try MirroredRepository()
            life.minded.change { $0.metadata["1.root.json"] = other.files["1.root.json"] }
            try await expectUnproven(life, "5.2", running: 0)
            life.minded.change { $0.metadata["1.root.json"] = nil }
            try await expectUnproven(life, "5.3.3", running: 0)
            try life.offer(repository, first)
            try await life.once()
            #expect(try life.running() == 1)
        }
    }

    @Test func `goes back to no state that it has left, and stays in none that has run out`() async throws {
        try await lead { life, repository in
            let old = repository
            let second = try repository.release(2)
            try life.offer(repository, second)
            try await life.once()
            #expect(try life.running() == 2)
            let third = try repository.release(3)
            // Rollback.
            try life.offer(old, third)
            try await expectUnproven(life, "5.4.3.1", running: 2)
            // Freeze: the newest, and nothing newer than an hour ago.
            try repository.publish([], timestampSeconds: -3600)
            try life.offer(repository, third)
            try await expectUnproven(life, "5.4.4", running: 2)
            // The same by a service that says that it is still the day before yesterday.
            life.minded.change { $0.clockBehind = 2 * 86_400 }
            try await expectUnproven(life, "5.4.4", running: 2)
            life.minded.change { $0.clockBehind = 0 }
            // A layer whose document ran out.
            let fourth = repository.manifest(4)
            try repository.publish([try repository.listing(try MirroredRepository.target(fourth), days: -1)])
            try life.offer(repository, fourth)
            try await expectUnproven(life, "5.6.5", running: 2)
            let fifth = try repository.release(5)
            try life.offer(repository, fifth)
            try await life.once()
            #expect(try life.running() == 5)
        }
    }

    @Test func `takes no mixture of states, and no document that was changed`() async throws {
        try await lead { life, repository in
            let old = repository
            let second = try repository.release(2)
            let (oldLayer, oldSnapshot) = (old.files[old.layerFile] ?? [], old.files[old.snapshotFile] ?? [])
            for (bytes, name, rule) in [
                (Array("{}".utf8), "timestamp.json", "4.2"), (Array("[".utf8), "timestamp.json", "4.1"),
                (oldSnapshot, repository.snapshotFile, "5.5.2"), (oldLayer, repository.layerFile, "5.6.2"),
                (Array((repository.files[repository.layerFile] ?? []).dropLast()), repository.layerFile, "5.6.2"),
            ] {
                var mirror = repository
                mirror.put(bytes, name)
                try life.offer(mirror, second)
                try await expectUnproven(life, rule)
            }
            // Not there at all.
            try life.offer(repository, second)
            let layer = repository.layerFile
            life.minded.change { $0.metadata[layer] = nil }
            try await expectUnproven(life, "5.3.3")
            try life.offer(repository, second)
            try await life.once()
            #expect(try life.running() == 2)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `reads no more than it must, and waits for nobody who trickles`() async throws {
        var limits = DeviceTransport.Limits()
        (limits.silence, limits.exchange, limits.slowestBytesPerSecond) = (.seconds(1), .seconds(3), 1000)
        try await lead(limits: limits) { life, repository in
            let second = try repository.release(2)
            for name in ["2.root.json", "timestamp.json", repository.snapshotFile, repository.layerFile] {
                try life.offer(repository, second)
                life.minded.change { $0.strangeMetadata[name] = .endless(headers: [:]) }
                try await expectUnproven(life, "5.3.3")
            }
            let drops = Array(repeating: Array("{".utf8), count: 600)
            let slow: [ScriptedService.Answer] = [
                .pieces(200, headers: ["Content-Length": "600"], drops, pause: .milliseconds(50)),
                .pieces(404, headers: ["Content-Length": "600"], drops, pause: .milliseconds(50)), .silence,
                .reply(500, []), .reply(302, headers: ["Location": "https://127.0.0.1:1/"], []),
            ]
            for answer in slow {
                try life.offer(repository, second)
                life.minded.change {
                    $0.strangeMetadata["2.root.json"] = answer
                    ($0.requests, $0.receipts) = ([], [])
                }
                let began = ContinuousClock.now
                try await life.once()
                #expect(began.duration(to: .now) < .seconds(20))
                #expect(life.receipts.isEmpty)
                try expectUntouched(life, "\(answer)")
            }
        }
    }

    @Test func `is moved by no key below a threshold, whosever it is`() async throws {
        try await lead { life, repository in
            let thieves = [EphemeralKey(.ed25519), EphemeralKey(.ed25519)]
            let second = repository.manifest(2)
            let target = try MirroredRepository.target(second)
            var mirror = repository
            // One of the layer's two signers, with the service's own keys for all the rest; then with strangers beside.
            for signers in [[repository.layerKeys[0]], [repository.layerKeys[0]] + thieves] {
                try mirror.publish([try mirror.listing(target, by: signers)])
                try life.offer(mirror, second)
                try await expectUnproven(life, "5.6.3")
            }
            // One of the product's, who names thieves for the layer; then both of the layer's, who speak for the product.
            for signers in [[repository.productKeys[0]], repository.layerKeys] {
                try mirror.publish([
                    try mirror.product(by: signers, naming: thieves), try mirror.listing(target, by: thieves),
                ])
                try life.offer(mirror, second)
                try await expectUnproven(life, "5.6.3")
            }
            // One of those for the top-level targets, and one of the root's.
            try mirror.publish([try mirror.top(by: [repository.targetsKeys[0]])])
            try life.offer(mirror, second)
            try await expectUnproven(life, "5.6.3")
            mirror.timestampKey = thieves[0]
            try mirror.publishRoot(signedBy: [repository.rootKeys[0]])
            try mirror.publish([])
            try life.offer(mirror, second)
            try await expectUnproven(life, "5.3.4")
        }
    }

    @Test func `recovers by a new root from a thief of the service's keys who counted up to the end`() async throws {
        try await lead { life, repository in
            var thief = repository
            try thief.publish([], timestampVersion: UpdateVersions.last)
            let second = repository.manifest(2)
            try life.offer(thief, second)
            // Believed, and of no use: it lists nothing new.
            try await expectUnproven(life, "5.7.2")
            try repository.release(2)
            try life.offer(repository, second)
            try await expectUnproven(life, "5.4.3.1")
            (repository.timestampKey, repository.snapshotKey) = (EphemeralKey(.ed25519), EphemeralKey(.ed25519))
            try repository.publishRoot()
            try repository.publish([])
            try life.offer(repository, second)
            try await life.once()
            #expect(try life.running() == 2)
        }
    }

    @Test func `takes only what manifest and metadata say alike, for its hardware, its layer and what it runs`()
        async throws
    {
        try await lead { life, repository in
            let second = repository.manifest(2)
            func change(_ body: (inout ReleaseManifest) -> Void) -> ReleaseManifest {
                var other = second
                body(&other)
                return other
            }
            var mirror = repository
            // Metadata says one thing, a manifest that the release key sealed another.
            let others = [
                change { $0.sha256 = Wire.Digest(SHA256.hash(data: [1])) }, change { $0.size += 1 },
                change { $0.version = "2.1" }, change { $0.hardware.append("board-c") }, change { $0.from = ["1.0"] },
                change { $0.bootloader = ["2024.01"] },
            ]
            for other in others {
                try mirror.publish([try mirror.listing(try MirroredRepository.target(other))])
                try life.offer(mirror, second)
                try await expectRefused(life, "something else of release 2")
            }
            // Both say the same, and it is for other devices.
            let strangers: [(ReleaseManifest, String)] = [
                (change { $0.hardware = ["board-c"] }, "hardware"), (change { $0.from = ["0.9"] }, "follows only"),
                (change { $0.bootloader = ["2024.01"] }, "bootloader"),
                (change { $0.network = ["7"] }, "network module"),
                (change { $0.metadata?.target = "thermostat-2/network/2" }, "thermostat-2/network/2"),
            ]
            for (other, reason) in strangers {
                try mirror.publish([try mirror.listing(try MirroredRepository.target(other))])
                try life.offer(mirror, other)
                try await expectRefused(life, reason)
            }
            try life.offer(mirror, mirror.manifest(9))
            try await expectUnproven(life, "5.7.2")
            // What fits in all of it.
            let fitting = change {
                ($0.from, $0.bootloader, $0.network) = (["0.9", "1.0"], ["2024.01"], ["7", "8"])
            }
            try mirror.publish([try mirror.listing(try MirroredRepository.target(fitting))])
            var settings = AgentSettings()
            (settings.bootloader, settings.network) = ("2024.01", "8")
            try life.offer(mirror, fitting)
            try await life.once(settings)
            #expect(try life.running() == 2)
            let told = life.minded.look { $0.reports.last?.posture }
            #expect(told?["bootloader"] == "2024.01" && told?["network"] == "8" && told?["metadata"] == nil)
        }
    }

    @Test func `refuses an artifact that is not the one of its target`() async throws {
        try await lead { life, repository in
            let second = try repository.release(2)
            for served in [Array("imagE 2".utf8), Array("image".utf8), Array("image 2 and more".utf8)] {
                life.minded.change { $0.receipts = [] }
                try life.offer(repository, second, served: served)
                try await life.once()
                #expect(try life.running() == 1)
            }
            try life.offer(repository, second)
            try await life.once()
            #expect(try life.running() == 2)
        }
    }

    @Test func `looks once a day though nothing is offered, so that old keys and an old time come too late`()
        async throws
    {
        try await lead { life, repository in
            func files() -> [String] { ["believed", "believed.again"].map { life.home.metadata + "/" + $0 } }
            func age(_ file: String, days: Int) throws {
                let instant = AgentBench.now.adding(days: Int64(-days))
                try life.disk.write(Array(instant.description.utf8), to: file)
            }
            func asked() async throws -> Int {
                life.minded.change { $0.requests = [] }
                try await life.once()
                return life.minded.look { $0.requests.count { $0.contains(DeviceAPI.metadata) } }
            }
            let old = repository
            let second = repository.manifest(2)
            life.minded.change { $0.update = nil }
            #expect(try await asked() == 0)
            // One copy of the time is enough.
            try age(files()[0], days: 30)
            #expect(try await asked() == 0)
            try life.disk.write([0xff], to: files()[1])
            (repository.timestampKey, repository.snapshotKey) = (EphemeralKey(.ed25519), EphemeralKey(.ed25519))
            try repository.publishRoot()
            try repository.publish([])
            life.minded.change { [files = repository.files] in $0.metadata = files }
            #expect(try await asked() > 0)
            #expect(try await asked() == 0)
            // Whoever stole the keys of before holds the service, and turns its clock back to where they were good.
            var thief = old
            try thief.publish([try thief.listing(try MirroredRepository.target(second))])
            life.minded.change { $0.clockBehind = 20 * 86_400 }
            try life.offer(thief, second)
            try await expectUnproven(life, "5.4.2")
            life.minded.change { $0.clockBehind = 0 }
            // A repository that stands still is told without an offer, too.
            try repository.publish([], timestampSeconds: -3600)
            life.minded.change { [files = repository.files] in ($0.metadata, $0.update) = (files, nil) }
            for file in files() { try age(file, days: 2) }
            let agent = try life.agent()
            for _ in 0..<2 { _ = try await agent.run(once: true) }
            #expect(life.minded.look { $0.reports.last?.posture["metadata"] } == "refused: TUF 1.0.34 §5.4.4")
        }
    }

    @Test func `fetches again what the medium does not give back`() async throws {
        try await lead { life, repository in
            let second = try repository.release(2)
            try life.offer(repository, second)
            for name in ["root", "timestamp", "snapshot", "targets"] {
                try life.disk.write(
                    [UInt8](repeating: 0x20, count: 9 << 20), to: "\(life.home.metadata)/\(name).json")
            }
            try await life.once()
            #expect(try life.running() == 2)
        }
    }

    /// What was believed is never un-believed by a cut, and no cut leaves a device that believes nothing.
    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func `comes to its release wherever the power is cut, and then goes back to no older state`(persisted: Bool)
        async throws
    {
        try await lead { life, repository in
            let old = repository
            let second = try repository.release(2)
            let third = repository.manifest(3)
            try life.offer(repository, second)
            let log = life.minded.look { $0.log }
            let whole = life.on(life.disk.copy())
            let before = whole.disk.operations
            try await whole.once()
            #expect(try whole.running() == 2)
            let operations = whole.disk.operations - before
            #expect(operations > 40)
            for (index, cut) in stride(from: 1, through: operations, by: 7).enumerated() {
                let aftermath = MemoryDisk.Aftermath.allCases[index % 4]
                let place = "cut at \(cut) of \(operations), \(aftermath)"
                let life = life.on(life.disk.copy())
                life.minded.change { $0.log = log }
                try life.offer(repository, second)
                life.disk.cutPower(at: cut, persisted: persisted)
                _ = try? await life.once()
                life.disk.restart(aftermath)
                for _ in 0..<2 { try await life.once() }
                #expect(try life.running() == 2, "\(place)")
                try life.offer(old, third)
                try await expectUnproven(life, "5.4.3.1", running: 2)
            }
        }
    }
}

/// The last version that a document may have.
private enum UpdateVersions { static let last = Int(1) << 53 - 1 }

extension Life {
    /// The same life on another disk.
    fileprivate func on(_ disk: MemoryDisk) -> Life {
        Life(bench: bench, minded: minded, service: service, transport: transport, disk: disk, keys: keys)
    }
}
