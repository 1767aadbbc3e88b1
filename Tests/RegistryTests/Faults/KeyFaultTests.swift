import Foundation
import Keys
import KeysFile
import Ledger
import Logging
import Passport
import Retirement
import Store
import StoreSQLite
import Testing
import Trust
import Use
import Wire
import Workbench

@testable import Registry

/// A house on files whose keys move to a second store, made once and copied for every try.
private final class MovingHouse: Sendable {
    let folder: String
    let clock = BenchClock()

    /// Two units with owners, one of them enrolled, a release, and a published ledger.
    static func founded() async throws -> MovingHouse {
        let bench = try await HouseBench()
        let units = try await bench.makeUnits(2)
        let ada = try await bench.ownership()
        for unit in units { try await bench.pair(unit, with: ada) }
        _ = try await bench.enrol(units[0])
        let artifact = Array("release 1".utf8)
        let sha256 = LeafCertificate.sha256(artifact)
        try Data(artifact).write(to: URL(filePath: bench.house.settings.artifactFolder + "/\(sha256)"))
        _ = try await bench.house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1.0", hardware: [HouseBench.hardware],
                sha256: sha256, size: artifact.count), as: .system)
        // Keys of update metadata come with the draft of a root.
        let offline = (0..<4).map { _ in Base64.encode(EphemeralKey().publicKeyDER) }
        _ = try await bench.house.perform(
            DraftRoot(rootKeys: Array(offline[..<2]), targetsKeys: Array(offline[2...])), as: .system)
        try await bench.publisher.publish()
        try bench.house.database.close()
        return try MovingHouse(copying: bench.folder)
    }

    init(copying other: String) throws {
        folder = NSTemporaryDirectory() + "/lifelong-move-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: other, toPath: folder)
    }

    func copy() throws -> MovingHouse { try MovingHouse(copying: folder) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func store(_ name: String) throws -> FileKeyStore { try FileKeyStore(folder: "\(folder)/\(name)") }

    /// Opens the house, does this, and closes it: what a command does.
    func withHouse<T: Sendable>(_ faults: Faults = Faults(), _ body: (House) async throws -> T) async throws -> T {
        var settings = HouseSettings()
        settings.artifactFolder = folder + "/artifacts"
        let database = FaultyDatabase(
            try SQLiteDatabase(path: folder + "/lifelong.db", migrations: Schema.migrations), faults)
        defer { try? database.close() }
        let clock = clock
        let house = try await House(
            database: database,
            keys: JoinedKeyStore(
                first: FaultyKeys(store("token"), faults), second: FaultyKeys(store("keys"), faults)),
            settings: settings, log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }, clock: { clock.now },
            random: BenchClock.random)
        return try await body(house)
    }
}

/// On SQLite, whose folder can be copied; the steps are the same on either engine.
@Suite(.enabled(if: !BenchEngine.isPostgreSQL))
struct `A move of keys, of which a step fails or is kept and said to have failed` {
    /// Lets the first, second, third … step fail until there is none left; each on a copy of its own.
    private func tryAll(
        _ target: Faults.Target, _ mode: Faults.Mode, on origin: MovingHouse, atLeast steps: Int,
        act: (House) async throws -> Void, check: (MovingHouse, House, Comment) async throws -> Void
    ) async throws {
        var number = 1
        while number < 100 {
            let place = try origin.copy()
            let faults = Faults()
            let about: Comment = "step \(number) of the \(target.rawValue) \(mode.rawValue)"
            var failure: (any Error)?
            let struck = try await place.withHouse(faults) { house in
                faults.arm(target, mode, at: number)
                do { try await act(house) } catch { failure = error }
                return faults.disarm()
            }
            if let failure {
                #expect(struck && (failure as? Refusal)?.code == .unavailable, "\(about): \(failure)")
                // The command is given again.
                try await place.withHouse { try await act($0) }
            }
            // What was given up by then is never signed again, and its serial is not good.
            place.clock.advance(seconds: 700)
            try await place.withHouse { house in
                try await check(place, house, about)
                let findings = try await Audit.run(house.database).findings
                #expect(findings.isEmpty, "\(about): \(findings)")
                #expect(try await house.read { try KeyListing.check($0, house.keys) }.isEmpty, about)
            }
            guard struck else { break }
            number += 1
        }
        #expect(number > steps && number < 100)
    }

    /// Who knows only the key that is gone is led past it, by what it signed before.
    private func drops(_ gone: KeyLabel, _ house: House, atBirth: ServiceAnchor, _ about: Comment) throws {
        var believed = BelievedKeys(
            .release, keys: atBirth.releaseKeys.compactMap { Base64.decode($0) }, number: 0)
        for seal in house.authorities.successions(of: .release, after: 0) ?? [] { try believed.follow(seal) }
        #expect(try believed.keys == house.signingKeys(.release).map(\.publicKeyDER), about)
        #expect(believed.keys.count == 1 && believed.number == 2, about)
    }

    private func count(_ house: House, _ sql: String, _ arguments: [Value] = []) async throws -> Int {
        try await house.read { try $0.count(sql, arguments) }
    }

    @Test(arguments: Faults.Target.allCases, Faults.Mode.allCases)
    func `ends with one successor of each, once it is given again`(
        _ target: Faults.Target, _ mode: Faults.Mode
    ) async throws {
        let origin = try await MovingHouse.founded()
        let (pinned, born) = try await origin.withHouse { (try Publisher($0).verifierKey, try $0.serviceAnchor()) }
        try await tryAll(target, mode, on: origin, atLeast: 10) { house in
            _ = try await KeyMove.run(house) { _ in }
        } check: { place, house, about in
            let (token, files) = (try place.store("token"), try place.store("keys"))
            for role in KeyRole.allCases {
                let labels = try house.authorities.labels(of: role)
                try #require(labels.count == 2, about)
                #expect(try token.place(of: labels[0]) != nil && files.place(of: labels[0]) == nil, about)
                #expect(try token.place(of: labels[1]) == nil && files.place(of: labels[1]) != nil, about)
            }
            for kind in [Authorities.issuingKind, Authorities.serviceKind] {
                let names = house.authorities.all.filter { $0.kind == kind }.map(\.name)
                #expect(names.count == 2, "\(about): \(names)")
            }
            for first in [Authorities.Name.makerRoot, Authorities.Name.operationalRoot] {
                #expect(house.authorities.roots(first).map(\.name) == [first + "-2", first], about)
                #expect(try token.find(KeyLabel(first)) == nil && token.find(KeyLabel(first + "-2")) != nil, about)
                let links = house.authorities.links(first)
                #expect(links.newWithOld.map(\.name) == ["\(first)-2-under-\(first)"], about)
                #expect(links.oldWithNew.map(\.name) == ["\(first)-under-\(first)-2"], about)
            }
            for name in [house.authorities.issuing, house.authorities.service] {
                let root = try house.authorities.root(Authorities.Name.operationalRoot).certificate
                #expect(house.authorities.known(name)?.chain == [root], about)
                #expect(name.hasSuffix("-2"), about)
                #expect(try token.find(KeyLabel(name)) != nil && files.find(KeyLabel(name)) == nil, about)
            }
            // Those of update metadata have an event at their beginning, too.
            for (kind, events) in [
                ("keySucceeded", KeyRole.allCases.count + 2), ("authorityCreated", Self.authorities),
            ] {
                #expect(
                    try await count(house, "SELECT COUNT(*) AS n FROM ledger WHERE kind = $1", [.text(kind)])
                        == events, "\(about): \(kind)")
            }
            let wrapped = try await house.read { rows in
                try rows.query("SELECT wrapped_under FROM tenure").map { $0.optionalText("wrapped_under") }
            }
            try await follows(house, atBirth: born, about)
            #expect(wrapped == ["tenure-wrapping-2", "tenure-wrapping-2"], "\(about): \(wrapped)")
            #expect(try await count(house, "SELECT COUNT(*) AS n FROM certificate WHERE state = 'intended'") == 0)
            // Who pinned the old key reads the newest checkpoint, and it covers the whole move.
            try await Publisher(house).publish()
            let note = Array(try await house.read { try LedgerReader.checkpoint(in: $0).note }.utf8)
            let size = try await count(house, "SELECT size AS n FROM ledger_size")
            #expect(try Checkpoint(note: note, key: pinned).size == size, about)
        }
    }

    /// Who knows only what was known before is led to the keys that sign now, and takes the release from before.
    private func follows(_ house: House, atBirth: ServiceAnchor, _ about: Comment) async throws {
        for (role, stated) in [(KeyRole.release, KeySuccession.Role.release), (.permit, .permit)] {
            let labels = try house.authorities.labels(of: role)
            let holding = try house.signingKeys(role).map(\.publicKeyDER)
            #expect(
                try await count(
                    house, "SELECT COUNT(*) AS n FROM succession WHERE role = $1", [.text(role.rawValue)]) == 1, about)
            guard role == .release || labels.count > 1 else { continue }
            let known = role == .release ? atBirth.releaseKeys.compactMap { Base64.decode($0) } : [holding[1]]
            var believed = BelievedKeys(stated, keys: known, number: 0)
            for seal in house.authorities.successions(of: role, after: 0) ?? [] { try believed.follow(seal) }
            #expect(believed.keys == holding, about)
        }
        let seals = try await house.read { rows in
            try rows.query("SELECT manifest FROM release").map {
                try CanonicalJSON.decode(Seal.self, from: Array($0.text("manifest").utf8))
            }
        }
        #expect(seals.count == 1, about)
        for seal in seals {
            for key in try house.signingKeys(.release) {
                #expect(throws: Never.self, about) {
                    try seal.verified(type: Seal.PayloadType.manifest, by: [key.publicKeyDER])
                }
            }
        }
    }

    /// Those of the founding, the station's birth CA, a successor of each root and of each issuing CA, and two links a root.
    private static let authorities = 4 + 1 + 4 + 4

    @Test(arguments: Faults.Target.allCases, Faults.Mode.allCases)
    func `loses no more than the key that is retired, once that is asked for again`(
        _ target: Faults.Target, _ mode: Faults.Mode
    ) async throws {
        let origin = try await MovingHouse.founded()
        let born = try await origin.withHouse { try $0.serviceAnchor() }
        try await origin.withHouse { house in
            _ = try await KeyMove.run(house) { _ in }
            // Its certificate would need the old authority.
            let serial = try await house.read { rows in
                try rows.first("SELECT serial FROM device WHERE id IN (SELECT device FROM certificate)")?
                    .text("serial") ?? ""
            }
            _ = try await house.perform(RetireDevice(device: serial, how: .recycled), as: .system)
            try await Publisher(house).publish()
        }
        for label in ["service-tls", "tenure-wrapping", "release-1", "ledger-1", "operational-issuing-1"] {
            let key = KeyLabel(trusted: label)
            // A key operation is needed only to destroy: one for a role, two for an authority and its responder.
            try await tryAll(target, mode, on: origin, atLeast: 1) { house in
                try await KeyRetirement.run(key, informed: true, in: house)
            } check: { place, house, about in
                for name in ["token", "keys"] {
                    let store = try place.store(name)
                    #expect(try store.find(key) == nil && !store.holdsWrapping(key), "\(label): \(about)")
                }
                if label == "release-1" { try drops(key, house, atBirth: born, about) }
                let events = try await count(
                    house, "SELECT COUNT(*) AS n FROM ledger WHERE kind = 'keyRetired'")
                #expect(events == 1, "\(label): \(about)")
                for role in KeyRole.allCases {
                    let labels = try house.authorities.labels(of: role)
                    #expect(!labels.contains(key) && labels[0].text.hasSuffix("-2"), "\(label): \(about)")
                }
                try await Publisher(house).publish()
            }
        }
    }

    /// Both moved and no device alive; under the maker's old root something was begun and never finished.
    private func emptied() async throws -> (MovingHouse, begun: String) {
        let origin = try await MovingHouse.founded()
        let begun = try await origin.withHouse { house in
            _ = try await KeyMove.run(house) { _ in }
            for serial in try await house.read({
                try $0.query("SELECT serial FROM device").map { try $0.text("serial") }
            }) {
                _ = try await house.perform(RetireDevice(device: serial, how: .destroyed), as: .system)
            }
            for label in ["operational-issuing-1", "service-issuing-1"] {
                try await KeyRetirement.run(KeyLabel(trusted: label), informed: false, in: house)
            }
            try await Revocation.publish(house)
            try await Publisher(house).publish()
            return try await house.change(as: .system) { change in
                let root = try house.authorities.signing(Authorities.Name.makerRoot)
                let newest = try house.authorities.root(Authorities.Name.makerRoot).certificate
                let intent = try Profile.link(of: newest, under: root, serial: Issuer.serial(house))
                try Issuer.store(intent, by: Authorities.Name.makerRoot, for: .init(), in: change)
                return intent.serial
            }
        }
        return (origin, begun)
    }

    @Test(arguments: Faults.Target.allCases, Faults.Mode.allCases)
    func `ends a root with a list that holds for ever, once its retirement is asked for again`(
        _ target: Faults.Target, _ mode: Faults.Mode
    ) async throws {
        let (origin, begun) = try await emptied()
        for root in [Authorities.Name.operationalRoot, Authorities.Name.makerRoot] {
            let key = KeyLabel(trusted: root)
            let sql = "SELECT number, der, next_update FROM crl WHERE authority = $1"
            let before = try await origin.withHouse { house in
                try await house.read { try $0.first(sql, [.text(root)])?.int("number") ?? 0 }
            }
            try await tryAll(target, mode, on: origin, atLeast: 1) { house in
                try await KeyRetirement.run(key, informed: false, in: house)
            } check: { place, house, about in
                for name in ["token", "keys"] { #expect(try place.store(name).find(key) == nil, "\(root): \(about)") }
                #expect(house.authorities.links(root).newWithOld.map(\.name) == ["\(root)-2-under-\(root)"], about)
                // Whatever is published later, its list stays as it is.
                place.clock.advance(days: 3)
                try await Revocation.publish(house)
                let row = try #require(try await house.read { try $0.first(sql, [.text(root)]) })
                #expect(try row.int("number") > before && row.time("next_update") == .noExpiry, "\(root): \(about)")
                let certificate = try #require(house.authorities.known(root)).certificate
                let list = try CertificateRevocationList(
                    der: row.bytes("der"), issuer: certificate, at: place.clock.now.adding(days: 365 * 500))
                #expect(list.nextUpdate == .noExpiry, about)
                #expect(list.entries.map(\.serial) == (root == Authorities.Name.makerRoot ? [begun] : []), about)
                let events = "SELECT COUNT(*) AS n FROM ledger WHERE kind = 'keyRetired'"
                #expect(try await count(house, events) == 3, "\(root): \(about)")
                try await Publisher(house).publish()
            }
        }
    }
}
