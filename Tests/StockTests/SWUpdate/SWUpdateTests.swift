import Foundation
import Passport
import Registry
import Server
import Store
import Testing
import Use
import Wire
import Workbench

@Suite(.enabled(if: SWUpdateScene.isInstalled), .serialized) struct `Debian's SWUpdate` {
    @Test(.timeLimit(.minutes(3)), arguments: [SWUpdateScene.Identity.certificate, .token])
    func `finds an update, installs it, restarts and says so, like on any hawkBit`(_ identity: SWUpdateScene.Identity)
        async throws
    {
        let device = try await SWUpdateScene(identity)
        let action = try await device.release(1, device.image(1))
        try await device.est.serve { door in
            _ = try await device.run(door.device) { device.hasRestarted }
            #expect(device.installed == device.content(1, bytes: 60_000))
            // Installed is not yet running: that is known after the restart only.
            #expect(try await device.passport().installed == nil)
            let client = try await device.client()
            #expect(client.attributes?["board"] == "c" && client.attributes?["serial"] == device.est.unit.serial)
            #expect(client.progress?.action == action && client.progress?.state == .running)
            #expect(client.progress?.messages.contains("All Chunks Installed.") == true)

            _ = try await device.run(door.device, confirm: 2) { try await device.passport().installed != nil }
            let passport = try await device.passport()
            #expect(passport.installed?.sequence == 1 && passport.installed?.observed == true)
            #expect(passport.offeredUpdate == nil)
            #expect(try await device.client().progress?.messages.last == "Update Installed.")
        }
        try await device.est.bench.publisher.publish()
        #expect(try await Audit.run(device.house.database).findings.isEmpty)
    }

    @Test(.timeLimit(.minutes(3))) func `says after its restart that an update failed`() async throws {
        let device = try await SWUpdateScene(.certificate)
        try await device.release(1, device.image(1))
        try await device.est.serve { door in
            _ = try await device.run(door.device) { device.hasRestarted }
            _ = try await device.run(door.device, confirm: 3) { try await device.passport().offeredUpdate == nil }
            #expect(try await device.passport().installed == nil)
            #expect(try await device.client().progress?.messages.last == "Update Failed.")
        }
    }

    @Test(.timeLimit(.minutes(3))) func `refuses an image that is not what was signed, and that is recorded as failed`()
        async throws
    {
        let device = try await SWUpdateScene(.certificate)
        try await device.release(1, device.image(1, tampered: true))
        try await device.est.serve { door in
            let log = try await device.run(door.device) { try await device.passport().offeredUpdate == nil }
            #expect(log.localizedCaseInsensitiveContains("hash mismatch"), "\(log.suffix(2000))")
            #expect(!device.hasRestarted && device.installed != device.content(1, bytes: 60_000))
            #expect(try await device.passport().installed == nil)
            let last = try await device.house.read { rows in
                try rows.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'updateObserved'")
            }
            #expect(last == 1)
        }
    }

    @Test(.timeLimit(.minutes(3))) func `goes on with a download where it was cut off`() async throws {
        let device = try await SWUpdateScene(.certificate)
        let bytes = 3_000_000
        try await device.release(1, device.image(1, bytes: bytes))
        try await device.est.serve { door in
            let port = door.ports.device
            _ = try await device.run(
                "https://localhost:RELAY", before: Relay.cutsOnce(to: port, config: "swupdate.cfg")
            ) { device.hasRestarted }
            #expect(FileManager.default.fileExists(atPath: device.folder + "/cut"))
            #expect(device.installed == device.content(1, bytes: bytes))
        }
    }

    @Test(.timeLimit(.minutes(3))) func `gives up what it was asked to stop before its restart`() async throws {
        let device = try await SWUpdateScene(.token)
        try await device.release(1, device.image(1))
        try await device.est.serve { door in
            _ = try await device.run(door.device) { device.hasRestarted }
            let asked = try await device.house.perform(WithdrawUpdate(device: device.est.unit.serial), as: .system)
            #expect(!asked.withdrawn)
            let log = try await device.run(door.device) { try await device.passport().offeredUpdate == nil }
            #expect(log.contains("Cancel action available"), "\(log.suffix(2000))")
            #expect(try await device.client().progress?.messages.last == "cancellation acknowledged.")
            #expect(try await device.passport().installed == nil)
        }
    }
}
