import Wire

/// Why a unit was not born, and whether the next one can be.
package enum BirthFailure: Error, Sendable, Equatable {
    /// This unit only; the line goes on.
    case unit(Refusal)
    /// The batch as a whole: the permit is over, or the disk cannot be trusted. The line stops.
    case batch(Refusal)

    package var refusal: Refusal {
        switch self {
        case .unit(let refusal), .batch(let refusal): refusal
        }
    }

    static func unit<T>(_ body: () throws -> T) throws(BirthFailure) -> T {
        do { return try body() } catch { throw .unit(explain(error)) }
    }

    static func batch<T>(_ body: () throws -> T) throws(BirthFailure) -> T {
        do { return try body() } catch { throw stopping(error) }
    }

    static func stopping(_ error: any Error) -> BirthFailure { .batch(explain(error)) }

    private static func explain(_ error: any Error) -> Refusal {
        error as? Refusal
            ?? Refusal(
                .internal, "The station failed in a way that it does not know.",
                hint: "Run the command again, and report it if it happens twice.")
    }
}

/// What is about to be signed, stored before the key is used (a line of intents.jsonl).
struct BirthIntent: Codable, Sendable {
    var serial: String
    /// Certificate serialNumber.
    var certificateSerial: String
    var key: Digest
    var at: Timestamp
    /// Base64 of the TBSCertificate.
    var tbs: String
}

/// A unit that was refused (a line of notes.jsonl).
package struct UnitNote: Codable, Sendable, Equatable {
    package var at: Timestamp
    package var serial: String?
    package var key: Digest?
    package var refusal: Refusal
}
