import Design
import Foundation
import Passport
import Registry
import Release
import Server
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite(.enabled(if: MenderClientScene.isInstalled), .serialized) struct `Debian's mender-client` {
    @Test(.timeLimit(.minutes(3)))
    func `waits for its key to be accepted, updates, restarts, and says so, like on any Mender server`() async throws {
        let device = try await MenderClientScene(.key)
        try await device.release(1, device.artifact(1))
        try device.set("restarts")
        try await device.est.serve { door in
            try await device.run(door.device) {
                if device.isRefused, try await device.client().menderKey == nil {
                    #expect(try await device.accept() == 1)
                }
                return device.has("rebooted")
            }
            #expect(device.isRefused, "\(device.log.suffix(2000))")
            #expect(device.installed == device.content(1))
            // Installed is not yet running: that is known after the restart only.
            #expect(try await device.passport().installed == nil)
            let client = try await device.client()
            #expect(client.attributes?["board"] == "c" && client.attributes?["ip"] == "10.0.0.1, 10.0.0.2")
            #expect(client.attributes?["device_type"] == "board-a")
            #expect(client.progress?.messages == ["downloading", "installing", "rebooting"])

            try await device.run(door.device) { try await device.passport().installed != nil }
            let passport = try await device.passport()
            #expect(passport.installed?.sequence == 1 && passport.installed?.observed == true)
            #expect(passport.offeredUpdate == nil)
            #expect(try await device.client().progress?.messages.last == "success")
        }
        try await device.est.bench.publisher.publish()
        #expect(try await Audit.run(device.house.database).findings.isEmpty)
    }

    @Test(.timeLimit(.minutes(3))) func `is known by its certificate, and updates and fails in one go`() async throws {
        let device = try await MenderClientScene(.certificate)
        try await device.release(1, device.artifact(1, compression: "none"))
        try await device.est.serve { door in
            try await device.run(door.device) {
                guard try await device.passport().installed != nil else { return false }
                // The next one is broken, and everything is as it was before.
                if try await device.passport().offeredUpdate == nil, !device.has("broken") {
                    try device.set("broken")
                    try await device.release(2, device.artifact(2))
                }
                return try await device.client().progress?.messages.contains { $0.contains("exit status 3") } == true
            }
            let passport = try await device.passport()
            #expect(passport.installed?.sequence == 1 && passport.offeredUpdate == nil, "\(device.log.suffix(2000))")
            #expect(device.installed == device.content(1))
            let client = try await device.client()
            #expect(client.menderKey == nil && client.mender.session?.certificate != nil)
            #expect(client.progress?.messages.contains("failure") == true, "\(client.progress?.messages ?? [])")
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `refuses what its maker did not sign, and gets nothing that is for another kind`()
        async throws
    {
        let device = try await MenderClientScene(.certificate)
        // Signed by somebody else.
        try await device.release(1, device.artifact(1, key: "others.key"))
        try await device.est.serve { door in
            let ended = Ended()
            let log = try await device.run(door.device) {
                guard try await device.passport().offeredUpdate == nil else { return false }
                switch await ended.next() {
                case 1:
                    // Changed in the store, behind everybody's back.
                    let bytes = try await device.artifact(2, compression: "none")
                    let stored = try await device.release(2, bytes)
                    var changed = bytes
                    let place = try #require(changed.range(of: device.content(2).prefix(64)))
                    changed[place.lowerBound] ^= 1
                    try changed.write(to: URL(filePath: stored))
                    return false
                case 2:
                    try await device.release(3, device.artifact(3, for: "board-z"))
                    return false
                default: return true
                }
            }
            #expect(device.installed == nil && !log.contains("release-3"))
            #expect(try await device.passport().installed == nil)
            let failures = try await device.house.read { rows in
                try rows.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'updateObserved'")
            }
            #expect(failures == 3, "\(log.suffix(3000))")
            let last = try await device.client().progress?.messages
            #expect(last?.last?.contains("needs device_type board-z") == true, "\(last ?? [])")
        }
    }

    @Test(.timeLimit(.minutes(3))) func `stops when the update is taken back`() async throws {
        let device = try await MenderClientScene(.certificate)
        try await device.release(1, device.artifact(1))
        try device.set("waits")
        try await device.est.serve { door in
            try await device.run(door.device) {
                if device.has("downloaded"), device.has("waits") {
                    let asked = try await device.house.perform(WithdrawUpdate(device: device.serial), as: .system)
                    #expect(!asked.withdrawn)
                    try device.unset("waits")
                }
                return try await device.passport().offeredUpdate == nil
            }
            #expect(try await device.passport().installed == nil && device.installed == nil)
            let ends = try await device.house.read { rows in
                try rows.query("SELECT kind FROM ledger WHERE kind IN ('updateWithdrawn', 'updateObserved')").map {
                    $0.optionalText("kind")
                }
            }
            #expect(ends == ["updateWithdrawn"])
        }
    }

    @Test func `has artifacts that its maker signs with RSA, where the product names that key`() async throws {
        let device = try await MenderClientScene(.certificate)
        try await device.est.run("openssl", ["genrsa", "-traditional", "-out", "rsa.key", "2048"])
        try await device.est.run("openssl", ["rsa", "-in", "rsa.key", "-pubout", "-outform", "DER", "-out", "rsa.der"])
        let key = Array(try Data(contentsOf: URL(filePath: device.folder + "/rsa.der")))
        let rules = AdmissionRules(
            sbom: false, provenance: false, builders: [], artifactKeys: [Base64.encode(key)])
        _ = try await device.house.perform(
            PublishProduct(
                product: HouseBench.product, title: "Thermostat 2", hardware: HouseBench.hardware, admission: rules),
            as: .system)
        try await device.release(1, device.artifact(1, key: "rsa.key"))
        let other = try await device.artifact(2)
        await #expect(throws: Refusal.self) { try await device.release(2, other) }
    }

    /// The client waits a minute before it goes on: not in every run.
    @Test(.timeLimit(.minutes(4)), .enabled(if: ProcessInfo.processInfo.environment["LIFELONG_SLOW"] != nil))
    func `goes on with a download where it was cut off`() async throws {
        let device = try await MenderClientScene(.certificate)
        let bytes = 3_000_000
        try await device.release(1, device.artifact(1, bytes: bytes, compression: "none"))
        try await device.est.serve { door in
            let relay = Relay.cutsOnce(to: door.ports.device, config: "mender.conf")
            try await device.run("https://localhost:RELAY", before: relay, seconds: 150) {
                try await device.passport().installed != nil
            }
            #expect(FileManager.default.fileExists(atPath: device.folder + "/cut"))
            #expect(device.installed == device.content(1, bytes: bytes))
            #expect(try await device.passport().installed?.sequence == 1)
        }
    }

    /// Counts what came to its end.
    private actor Ended {
        private var count = 0
        func next() -> Int {
            count += 1
            return count
        }
    }
}
