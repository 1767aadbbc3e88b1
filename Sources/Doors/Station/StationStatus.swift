import Wire

/// What a station has done and may still do, as far as its folder tells it.
package struct StationStatus: Codable, Sendable, Equatable {
    package struct Batch: Codable, Sendable, Equatable {
        package var batch: BatchID
        package var product: ProductID
        package var hardware: String
        package var quantity: Int
        package var born: Int
        /// Refusals that were noted.
        package var refused: Int
        package var expires: Timestamp
        package var isExpired: Bool
        package var isClosed: Bool
        package var lastBirth: Timestamp?
    }

    package var name: String
    /// Whether permits are only accepted from a pinned key.
    package var isMakerKeyPinned: Bool
    package var batches: [Batch]

    package init(_ home: StationHome, at now: Timestamp) throws(Refusal) {
        let record = try home.record()
        name = record.name
        isMakerKeyPinned = record.makerKey != nil
        var batches: [Batch] = []
        for batch in home.batches() { batches.append(try Self.batch(home.folder(of: batch), at: now)) }
        self.batches = batches
    }

    private static func batch(_ folder: BatchFolder, at now: Timestamp) throws(Refusal) -> Batch {
        let seal = try CanonicalJSON.decode(Seal.self, from: try StationFile.require(folder.permit, limit: 1 << 20))
        let permit = try CanonicalJSON.decode(Permit.self, from: try seal.payloadBytes())
        let births = try BirthJournal.read(folder)
        let notes = try StationFile.read(folder.notes, limit: 256 << 20) ?? []
        return Batch(
            batch: permit.batch, product: permit.product, hardware: permit.hardware, quantity: permit.quantity,
            born: births.count, refused: notes.count { $0 == 10 }, expires: permit.expires,
            isExpired: now >= permit.expires, isClosed: StationFile.exists(folder.manifest),
            lastBirth: births.map(\.at).max())
    }
}

extension StationHome {
    /// The label of a unit, from whichever batch it was born in.
    package func label(_ serial: String) throws(Refusal) -> (label: Label, file: String) {
        for batch in batches() {
            let folder = folder(of: batch)
            if let label = try LabelFiles(folder).read(serial) { return (label, folder.label(serial)) }
        }
        throw Refusal(
            .notFound, "There is no label for \"\(Printable.text(serial))\" at this station.",
            hint: "Check the serial; labels are gone once their files were deleted after printing.")
    }
}
