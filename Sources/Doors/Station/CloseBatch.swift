import Keys
import Trust
import Wire

/// Ends a batch: all births in one manifest, signed with the station's key. Repeating it gives the same file again.
package struct CloseBatch: Sendable {
    let home: StationHome
    let batch: BatchID

    /// Room for a million births at some 2 KB each, in base64.
    package static let maximumManifestBytes = 4 << 30

    package init(home: StationHome, batch: BatchID) {
        self.home = home
        self.batch = batch
    }

    /// The signed manifest; its file is `BatchFolder.manifest`.
    package func perform(keys: any KeyStore, at now: Timestamp) throws -> Seal {
        let folder = home.folder(of: batch)
        let record = try home.record()
        guard let permit = try StationFile.read(folder.permit, limit: 1 << 20) else {
            throw Refusal(
                .notFound, "There is no batch \(batch) at this station.",
                hint: "List the batches with \"lifelong station status --home \(home.path)\".")
        }
        let lock = try home.lock()
        defer { withExtendedLifetime(lock) {} }
        if let bytes = try StationFile.read(folder.manifest, limit: Self.maximumManifestBytes) {
            return try CanonicalJSON.decode(Seal.self, from: bytes, limit: Self.maximumManifestBytes)
        }
        let births = try BirthJournal.read(folder)
        let manifest = BirthManifest(batch: batch, station: record.name, closed: now, births: births)
        let seal = try Seal.sign(
            type: Seal.PayloadType.births, payload: try CanonicalJSON.encode(manifest),
            with: try StationKeys.of(CanonicalJSON.decode(Seal.self, from: permit), record, in: keys).manifest)
        try LabelFiles(folder).removeOrphans(born: Set(births.map(\.serial)))
        try LabelFiles(folder).writeSheet(of: births.map(\.serial))
        try StationFile.write(try CanonicalJSON.encode(seal), to: folder.manifest, mode: 0o644)
        return seal
    }
}
