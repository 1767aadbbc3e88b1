import Store
import Wire

/// Sees to it that the keys of ended tenures are gone from the database's files, and not only from its tables.
actor Erasure {
    private let database: any Database
    /// Tenures that had ended when the files were last cleaned; unknown after a start.
    private var cleaned: Int?

    init(_ database: any Database) { self.database = database }

    /// Cleans the files if a tenure has ended since they were cleaned last; with the next call, if somebody still reads a
    /// state from before.
    func clean() async throws {
        let ended = try await database.read { rows in
            try Tally.read(Tally.tenuresEnded, in: rows)?.n ?? 0
        }
        guard ended != cleaned else { return }
        do {
            try await database.forgetDeleted()
            cleaned = ended
        } catch let refusal as Refusal where refusal.code == .conflict {}
    }
}
