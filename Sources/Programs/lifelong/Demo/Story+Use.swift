import Agent
import Crypto
import Fleet
import Foundation
import Passport
import Registry
import Use
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// Years of use, in a minute.
extension Story {
    // MARK: - An update

    func update() async throws {
        narrator.chapter("An update")
        let artifact = try await publish(
            Self.product, Self.hardware, sequence: 1, version: "2.1.0", bytes: settings.artifactBytes)
        try await refuseTampered(artifact, by: 0)
        try await killInTheMiddle(1, artifact)
        let others = try await admin.act(OfferUpdate(product: Self.product, sequence: 1))
        narrator.tell("The release is offered to the other \(others.offered).")
        try await eventually("updated", all: Array(sold), within: .seconds(180)) { try await self.hasInstalled(1, $0) }
        for index in sold {
            let image = try status(index).image
            try expect(
                image.slot == .b && image.whole && !image.onTrial,
                "\(units[index].serial) runs slot \(image.slot.rawValue), whole \(image.whole), on trial \(image.onTrial)."
            )
        }
        narrator.check(
            "All \(sold.count) run it from slot b, after a health check; slot a keeps what ran before. Receipts are in."
        )
        try await updateFleet()
    }

    struct PublishedArtifact {
        var sha256: Wire.Digest
        var path: String
        var size: Int
    }

    @discardableResult
    func publish(
        _ product: ProductID, _ hardware: String, sequence: Int, version: String, bytes count: Int
    ) async throws -> PublishedArtifact {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = Array("\(product) release \(sequence)\n".utf8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes += $0 } }
        let sha256 = Wire.Digest(SHA256.hash(data: bytes))
        let file = home.paper("\(product)-\(sequence).bin")
        _ = FileManager.default.createFile(atPath: file, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
        try await publish(
            file,
            PublishRelease(
                product: product, sequence: sequence, version: version, hardware: [hardware], sha256: sha256,
                size: bytes.count
            ))
        narrator.tell(
            "Release \(version) of \(product): \(bytes.count >> 10) KiB, its manifest signed with the release key.")
        return PublishedArtifact(sha256: sha256, path: home.server + "/artifacts/\(sha256)", size: bytes.count)
    }

    /// Uploads the file as the release's artifact, then publishes it.
    func publish(_ file: String, _ release: PublishRelease) async throws {
        guard let handle = FileHandle(forReadingAtPath: file) else { throw failed("\(file) cannot be read.") }
        defer { try? handle.close() }
        try await admin.upload(handle, size: Int64(release.size), sha256: release.sha256)
        _ = try await admin.act(release)
    }

    private func hasInstalled(_ sequence: Int, _ index: Int) async throws -> Bool {
        guard try status(index).image.sequence == sequence else { return false }
        return try await view(units[index].serial).update.installed?.sequence == sequence
    }

    /// One byte of the artifact is changed on the server's own disk, where no signature is checked any more.
    private func refuseTampered(_ artifact: PublishedArtifact, by index: Int) async throws {
        let serial = units[index].serial
        let place = UInt64(artifact.size / 2)
        let original = try flip(artifact.path, at: place)
        narrator.tell(
            "Somebody changes one byte of it where it lies, as a tampered mirror would, and it is offered to \(serial)."
        )
        _ = try await admin.act(OfferUpdate(product: Self.product, sequence: 1, devices: [serial]))
        let alarm = try await openAlarm(.artifactRefused, of: serial, within: .seconds(60))
        _ = try flip(artifact.path, at: place)
        try expect(original != nil, "the artifact could not be changed.")
        let status = try status(index)
        try expect(status.image.sequence == 0, "\(serial) runs release \(status.image.sequence).")
        let other = units[index].folder + "/slots/b/image"
        try expect(!FileManager.default.fileExists(atPath: other), "\(serial) has written something into slot b.")
        narrator.alarm("ALARM \(alarm.index): \(alarm.detail)")
        narrator.check("\(serial) wrote nothing into a slot, signed a receipt of its refusal, and runs on as before.")
        narrator.tell("The artifact is put right.")
    }

    /// Turns the bits of one byte over; twice is as before.
    private func flip(_ path: String, at place: UInt64) throws -> UInt8? {
        guard let file = FileHandle(forUpdatingAtPath: path) else { return nil }
        defer { try? file.close() }
        try file.seek(toOffset: place)
        guard let byte = try file.read(upToCount: 1)?.first else { return nil }
        try file.seek(toOffset: place)
        try file.write(contentsOf: [byte ^ 0xff])
        return byte
    }

    private func killInTheMiddle(_ index: Int, _ artifact: PublishedArtifact) async throws {
        let unit = units[index]
        let part = unit.folder + "/download/\(artifact.sha256).part"
        _ = try await admin.act(OfferUpdate(product: Self.product, sequence: 1, devices: [unit.serial]))
        let cut = try await Self.kill(unit.process, when: part, grows: artifact.size / 4)
        guard let cut else { throw failed("\(unit.serial) did not begin to download.") }
        try await eventually("the agent is dead", within: .seconds(10)) { unit.process?.poll() != nil }
        try expect(
            unit.process?.poll() == -SIGKILL, "the agent of \(unit.serial) ended with \(unit.process?.poll() ?? 0).")
        let status = try status(index)
        try expect(status.image.whole, "the image of \(unit.serial) is broken.")
        narrator.tell(
            "\(unit.serial) loses its power (SIGKILL) \(cut >> 10) of \(artifact.size >> 10) KiB into the download.")
        narrator.check(
            "What it would start is whole: slot \(status.image.slot.rawValue), release \(status.image.sequence).")
        try startAgent(index)
        try await eventually("\(unit.serial) recovers", within: .seconds(60)) { try await hasInstalled(1, index) }
        narrator.check("Started again, it fetches the rest, installs it into slot b, and confirms it.")
    }

    /// Kills the process as soon as the file has so many bytes, or is gone again. Returns its size then.
    private static func kill(_ process: Child?, when file: String, grows enough: Int) async throws -> Int? {
        try await Task.detached {
            let end = ContinuousClock.now + .seconds(30)
            var seen = 0
            while ContinuousClock.now < end {
                try Task.checkCancellation()
                var info = stat()
                let isThere = stat(file, &info) == 0
                if isThere { seen = max(seen, Int(info.st_size)) }
                if seen >= enough || (seen > 0 && !isThere) {
                    process?.send(SIGKILL)
                    return seen
                }
                usleep(500)
            }
            return nil
        }.value
    }

    private func updateFleet() async throws {
        try await publish(Self.fleetProduct, Self.fleetHardware, sequence: 1, version: "2.1.0", bytes: 16 << 10)
        let wave = min(settings.fleet, max(1, settings.fleet / 10))
        var serials: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: home.path + "/fleet").sorted().prefix(wave) {
            serials.append(try fleetSerial(name))
        }
        let offered = try await admin.act(OfferUpdate(product: Self.fleetProduct, sequence: 1, devices: serials))
        try expect(offered.offered == wave, "\(offered.offered) of \(wave) sensors were offered the release.")
        let summary = try await fleet("fleet-update", count: wave, checkIns: 1)
        try expect(summary.releases == ["1": wave], "the wave runs \(summary.releases).")
        narrator.check("A first wave of \(wave) sensors runs it: \(Self.figures(summary)).")
    }

    /// The serial of a simulated device, from the file it is kept in.
    private func fleetSerial(_ file: String) throws -> String {
        try FleetFile.serial(home.path + "/fleet/" + file)
    }

    // MARK: - A quarantine

    func quarantine() async throws {
        narrator.chapter("A quarantine")
        let unit = units[2]
        _ = try await admin.act(QuarantineDevice(device: unit.serial, reason: "suspected-tamper"))
        try await eventually("\(unit.serial) is refused", within: .seconds(30)) {
            try self.status(2).lastWord?.state == .quarantined
        }
        let denied = try await view(unit.serial).rights.first { $0.right == .backEnd }
        try expect(denied?.allowed == false, "the right backEnd of \(unit.serial) is still there.")
        narrator.tell("\(unit.serial) is quarantined; its very next request is refused.")
        narrator.detail(denied.map { "\($0.reason) [\($0.rule)]" } ?? "")
        _ = try await admin.act(RestoreDevice(device: unit.serial))
        try await eventually("\(unit.serial) is back", within: .seconds(30)) {
            let state = try self.status(2).lastWord?.state
            return state == .enrolled || state == .certificateExpiring
        }
        narrator.check("A person restored it; it checks in again with the certificate that it had.")
    }
}
