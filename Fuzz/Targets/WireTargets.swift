import Passport
import Release
import Trust
import Wire

extension FuzzTarget {
    static let wire = [
        FuzzTarget("hex") { _ in
            [Array("00ff7A".utf8)]
        } run: { bytes in
            guard let decoded = Hex.decode(text(bytes)) else { return }
            promise(Hex.encode(decoded) == text(bytes).lowercased(), "hex: not what was read")
        },
        FuzzTarget("base64") { _ in
            ["", "QQ==", "QUI=", "QUJD\r\nQUJD\n"].map { Array($0.utf8) }
        } run: { bytes in
            promise(Base64.decode(Base64.encode(bytes)) == bytes, "base64: bytes are lost")
            promise(Base64.decode(Base64.encodeLines(bytes)) == bytes, "base64: bytes are lost in lines")
            guard let decoded = Base64.decode(bytes) else { return }
            promise(Base64.decode(Base64.encode(decoded)) == decoded, "base64: not stable")
            promise(decoded.count <= bytes.count, "base64: it grew")
        },
        FuzzTarget("base32") { _ in
            ["ABCDEFGH", "o0iL-1234"].map { Array($0.utf8) }
        } run: { bytes in
            for count in [8, 16] {
                guard let plain = CrockfordBase32.normalize(text(bytes), count: count) else { continue }
                promise(plain.utf8.count == count, "base32: another length")
                promise(CrockfordBase32.normalize(plain, count: count) == plain, "base32: not stable")
            }
        },
        FuzzTarget("pem") { seeds in
            [Array((PEM.encode(seeds.leaf, label: "CERTIFICATE") + PEM.encode([1], label: "A B")).utf8)]
        } run: { bytes in
            guard let blocks = try? PEM.decode(text(bytes)) else { return }
            let written = blocks.map { PEM.encode($0.der, label: $0.label) }.joined()
            let again = try? PEM.decode(written)
            promise(
                again?.count == blocks.count
                    && zip(again ?? [], blocks).allSatisfy { $0.label == $1.label && $0.der == $1.der },
                "pem: not stable")
        },
        FuzzTarget("timestamp") { _ in
            ["2026-11-21T10:40:00Z", "0000-01-01T00:00:00.123456789Z", "9999-12-31T23:59:60.000Z"].map {
                Array($0.utf8)
            }
        } run: { bytes in
            guard let time = Timestamp(text(bytes)) else { return }
            promise(Timestamp(time.description) == time, "timestamp: not stable")
            promise((0...9999).contains(time.civil.year), "timestamp: a year that cannot be written")
        },
        FuzzTarget("identifier") { _ in
            ["thermostat-2", "a", "0.._-"].map { Array($0.utf8) }
        } run: { bytes in
            guard let id = try? DeviceID(text(bytes)) else { return }
            promise(id.text.utf8.elementsEqual(bytes) && bytes.count <= 64, "identifier: not what was read")
            promise(!id.text.contains("/") && !id.text.hasPrefix("."), "identifier: a way out of a folder")
        },
    ]

    static let messages = [
        json("seal", Seal.self) {
            [$0.receipt, $0.release, $0.permit, $0.births]
        } also: { seal in
            for type in [Seal.PayloadType.receipt, Seal.PayloadType.manifest, Seal.PayloadType.births] {
                guard let payload = try? seal.verified(type: type, by: [FuzzSeeds.fixed.signer.publicKeyDER]) else {
                    continue
                }
                promise(seal.payloadType == type && Base64.decode(seal.payload) == payload, "seal: another payload")
            }
        },
        json("release", Seal.self) {
            [$0.release]
        } also: { seal in
            _ = VerifiedRelease.digest(ofUnverified: seal)
            let release = try? VerifiedRelease(
                seal, releaseKeys: [FuzzSeeds.fixed.signer.publicKeyDER], product: FuzzSeeds.product,
                fit: ReleaseFit(hardware: "board-c"), runningSequence: 3)
            guard let release else { return }
            promise(release.manifest.sequence > 3 && release.manifest.product == FuzzSeeds.product, "release: believed")
        },
        json("check-in", CheckInReport.self) { [$0.report] },
        FuzzTarget("plain-report", share: 50) {
            [try CanonicalJSON.encode($0.report), try CanonicalJSON.encode($0.bareReport)]
        } run: { bytes in
            // The fast reader accepts less than the general one, never more and never differently.
            guard let plain = bytes.withUnsafeBytes({ CheckInReport(plain: $0) }) else { return }
            promise(
                (try? CanonicalJSON.decode(CheckInReport.self, from: bytes)) == plain, "plain-report: read differently")
        },
        json("desired-state", DesiredState.self) { [$0.desired] },
        json("device-status", DeviceStatus.self) { $0.statuses },
        json("receipt", Receipt.self) { [$0.plainReceipt] },
        json("manifest", ReleaseManifest.self) { [$0.manifest] },
        json("permit", Permit.self) { [$0.plainPermit] },
        json("permit-file", PermitFile.self) { [PermitFile($0.permit, successions: [try $0.succession(.permit)])] },
        json("key-succession", KeySuccession.self) { seeds in KeySuccession.Role.allCases.map { seeds.statement($0) } },
        FuzzTarget("succession", share: 30) { seeds in
            try KeySuccession.Role.allCases.map { try CanonicalJSON.encode(seeds.succession($0)) }
        } run: { bytes in
            guard let seal = try? CanonicalJSON.decode(Seal.self, from: bytes, limit: 1 << 20) else { return }
            let fixed = FuzzSeeds.fixed
            for role in KeySuccession.Role.allCases {
                var believed = BelievedKeys(role, keys: [fixed.signer.publicKeyDER], number: 0)
                let before = believed
                guard (try? believed.follow(seal)) != nil else {
                    promise(believed == before, "succession: refused, and yet something changed")
                    continue
                }
                let named = fixed.statement(role).keys.compactMap { Base64.decode($0) }
                promise(
                    believed.keys == named && believed.number == 1, "succession: believed although nobody signed it")
                promise(believed.knows(seal), "succession: followed, and not known")
            }
        },
        json("births", BirthManifest.self) {
            [$0.plainBirths]
        } also: { manifest in
            for birth in manifest.births.prefix(4) {
                guard let stored = birth.secretHash else { continue }
                // A stored hash comes with a manifest; deriving is bounded by what `isHash` lets through.
                _ = PairingSecret.isHash(stored)
            }
        },
        json("station-request", StationRequest.self) { [$0.stationRequest] },
        json("line", LineMessage.self) { $0.lineMessages },
        json("refusal", Refusal.self) { _ in
            [Refusal(.tooMany, "Too many.", hint: "Wait.", rule: "r", retryAfterSeconds: 5)]
        } also: { refusal in
            promise((400...599).contains(refusal.httpStatus) && !refusal.description.isEmpty, "refusal: no status")
        },
        json("entry", Entry.self) {
            try $0.entries()
        } also: { entry in
            guard let device = entry.device else { return }
            _ = entry.event.kind
            guard let passport = try? Passport.advance(nil, device: device, by: entry.event, at: entry.at) else {
                return
            }
            promise(passport.stage == .made, "entry: a life that does not begin with a birth")
        },
        // A line an entry: a whole life from outside, as `lifelong verify passport` reads it.
        FuzzTarget("life", share: 30) { seeds in
            [Array(try seeds.entries().map { try CanonicalJSON.encode($0) }.joined(separator: [10]))]
        } run: { bytes in
            var passport: Passport?
            for line in bytes.split(separator: 10).prefix(64) {
                guard let entry = try? CanonicalJSON.decode(Entry.self, from: line, limit: Entry.maximumBytes),
                    let device = entry.device,
                    let next = try? Passport.advance(passport, device: device, by: entry.event, at: entry.at)
                else { continue }
                if let before = passport, before.stage == .retired {
                    promise(next.stage == .retired, "life: it went on after its end")
                }
                let written = (try? CanonicalJSON.encode(next)) ?? []
                promise((try? CanonicalJSON.decode(Passport.self, from: written)) == next, "life: the passport is lost")
                passport = next
            }
        },
        FuzzTarget("secret-hash") { seeds in
            [Array(seeds.secretHash.utf8), Array("scrypt:32768:8:1:AAAA:AAAA".utf8)]
        } run: { bytes in
            _ = PairingSecret.isHash(text(bytes))
            _ = LabelCode.verify(serial: "A", code: text(bytes), against: Digest([UInt8](repeating: 0, count: 32)))
        },
    ]
}
