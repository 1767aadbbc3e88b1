import Keys
import Trust
import Wire

/// A station's two keys. Their generations live beside each other: a batch ends under the keys that its permit is for.
struct StationKeys {
    let birthAuthority: any SigningKey
    let manifest: any SigningKey

    /// Of generation 1 the plain name.
    static func birthAuthority(_ generation: Int) -> KeyLabel { label("birth-authority", generation) }
    static func manifest(_ generation: Int) -> KeyLabel { label("manifest", generation) }

    private static func label(_ stem: String, _ generation: Int) -> KeyLabel {
        KeyLabel(trusted: generation == 1 ? stem : "\(stem)-\(generation)")
    }

    /// Those that the permit is for; the newest if it is for none of the station's.
    static func of(_ permit: Seal, _ record: StationRecord, in keys: any KeyStore) throws -> StationKeys {
        // Only to choose between our own keys: what the permit says counts once it is verified.
        let wanted = (try? permit.payloadBytes()).flatMap {
            try? CanonicalJSON.decode(Permit.self, from: $0, limit: 1 << 20).stationKey
        }
        for generation in (1...record.newest).reversed() {
            guard let key = try keys.find(manifest(generation)), Base64.encode(key.publicKeyDER) == wanted else {
                continue
            }
            return try of(generation, in: keys)
        }
        return try of(record.newest, in: keys)
    }

    private static func of(_ generation: Int, in keys: any KeyStore) throws -> StationKeys {
        StationKeys(
            birthAuthority: try keys.require(birthAuthority(generation)),
            manifest: try keys.require(manifest(generation)))
    }
}

extension StationRecord {
    /// Generation of the keys that the request to the maker names.
    var newest: Int { max(1, generation ?? 1) }
}

/// Makes new keys for a station where new keys are made, and a new request to the maker: a station has its birth CA certified for
/// each batch, so a move is no more than that. Batches that are open go on under the keys that their permits are for.
package struct MoveStation: Sendable {
    let home: StationHome

    package init(home: StationHome) { self.home = home }

    /// - Returns: the new request, and the batches that still need the old keys.
    package func perform(keys: any KeyStore) throws -> (request: StationRequest, open: [BatchID]) {
        let lock = try home.lock()
        defer { withExtendedLifetime(lock) {} }
        var record = try home.record()
        guard let joined = keys as? JoinedKeyStore else {
            throw Refusal(
                .conflict, "There is nothing to move: all keys are in \(keys.kind).",
                hint: "Name the token with --keys-module and --token to move from files to it.")
        }
        if try joined.first.find(StationKeys.manifest(record.newest)) == nil {
            let next = record.newest + 1
            _ = try joined.first.findOrMake(StationKeys.birthAuthority(next), algorithm: .p256)
            _ = try joined.first.findOrMake(StationKeys.manifest(next), algorithm: .p256)
            // Before the request: what the maker certifies must be found again.
            record.generation = next
            try record.write(to: home)
        }
        return (try InitializeStation.request(record, home, keys), try home.openBatches())
    }
}

/// Destroys the keys of a station that it succeeded, once no batch needs them.
package struct RetireStationKeys: Sendable {
    let home: StationHome

    package init(home: StationHome) { self.home = home }

    /// - Returns: the labels that are gone now.
    package func perform(keys: any KeyStore) throws -> [KeyLabel] {
        let lock = try home.lock()
        defer { withExtendedLifetime(lock) {} }
        let record = try home.record()
        _ = try keys.require(StationKeys.manifest(record.newest))
        var gone: [KeyLabel] = []
        for generation in 1..<record.newest {
            let manifest = StationKeys.manifest(generation)
            let key = try keys.find(manifest).map { Base64.encode($0.publicKeyDER) }
            let needing = try home.openBatches().filter { batch in
                guard let bytes = try StationFile.read(home.folder(of: batch).permit, limit: 1 << 20) else {
                    return false
                }
                let permit = try CanonicalJSON.decode(
                    Permit.self, from: try CanonicalJSON.decode(Seal.self, from: bytes).payloadBytes())
                return permit.stationKey == key
            }
            guard needing.isEmpty else {
                throw Refusal(
                    .conflict,
                    "These batches are open under \(manifest): \(needing.map(\.text).joined(separator: ", ")).",
                    hint: "Close them first: lifelong station close", rule: "station: keys")
            }
            for label in [StationKeys.birthAuthority(generation), manifest] where try keys.find(label) != nil {
                try keys.destroy(label)
                gone.append(label)
            }
        }
        return gone
    }
}

extension StationHome {
    /// Batches without a manifest.
    func openBatches() throws -> [BatchID] { batches().filter { !StationFile.exists(folder(of: $0).manifest) } }
}
