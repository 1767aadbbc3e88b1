import Passport
import Wire

/// The fleet on one page.
package struct FleetView: Codable, Sendable, Equatable {
    package struct StageCount: Codable, Sendable, Equatable {
        package var stage: Stage
        package var count: Int
    }

    /// Something that waits for a person.
    package struct Task: Codable, Sendable, Equatable {
        package enum Kind: String, Codable, Sendable, CaseIterable {
            case alarms, quarantined, transfers, rollouts, batches, authorities, ledger
        }
        package var kind: Kind
        package var count: Int
        /// One sentence: what, and what to do.
        package var sentence: String
        /// Path of the list behind it in the console ("/devices?stage=quarantined").
        package var path: String
    }

    package var at: Timestamp
    /// All devices that the reader sees.
    package var devices: Int
    /// In the order of life, each stage once.
    package var stages: [StageCount]
    package var contactMinutes: Int
    /// Devices that made contact within `contactMinutes`.
    package var contactedLately: Int
    /// When they were counted; nil if that was at `at`.
    package var contactedAsOf: Timestamp?
    /// At most `Reading.countLimit`.
    package var openAlarms: Int
    /// Set if there are more than that.
    package var hasMoreAlarms: Bool?
    /// The newest open ones, at most 20.
    package var alarms: [AlarmView]
    /// The newest, at most 10; empty for owners.
    package var batches: [BatchView]
    package var needsPerson: [Task]
    /// Nil for who may not read the ledger.
    package var ledger: LedgerView?
}

/// An alarm, open or acknowledged.
package struct AlarmView: Codable, Sendable, Equatable {
    /// Index of its leaf in the ledger: what acknowledges it.
    package var index: Int64
    package var device: DeviceID?
    package var serial: String?
    package var alarm: Alarm
    /// One sentence: what this kind of alarm means.
    package var meaning: String
    /// One sentence: what happened here.
    package var detail: String
    package var at: Timestamp
    package var acknowledgedAt: Timestamp?
}

package struct AlarmPage: Codable, Sendable, Equatable {
    /// Newest first.
    package var alarms: [AlarmView]
    /// Given back as `before` for the next page; nil at the end.
    package var next: Int64?
}

package struct ProductView: Codable, Sendable, Equatable {
    package var product: ProductID
    package var title: String
    package var hardware: String
    package var minimumGrade: Grade
    package var alarmBeforePairing: Bool
    package var publishedAt: Timestamp
}

package struct BatchView: Codable, Sendable, Equatable {
    package var batch: BatchID
    package var product: ProductID
    /// Identities that the permit allows.
    package var quantity: Int
    /// Births that were admitted.
    package var admitted: Int
    package var station: String
    /// The birth CA of this batch.
    package var authority: String
    package var openedAt: Timestamp
}

package struct ReleaseView: Codable, Sendable, Equatable {
    /// SHA-256 of the manifest's payload.
    package var release: Digest
    package var product: ProductID
    package var sequence: Int
    package var version: String
    package var hardware: [String]
    /// SHA-256 and size in bytes of the artifact.
    package var sha256: Digest
    package var size: Int
    package var publishedAt: Timestamp
    /// "os", "app"; missing where update metadata does not name the release.
    package var layer: String?
    /// The kind of its file: ".swu", ".raucb", ".mender" or ".bin".
    package var format: String
    /// How it travels; missing if that is as it is installed.
    package var encryption: String?
    /// False: it was taken off, and nobody is offered it any more.
    package var isOffered: Bool
    package var sbom: Digest?
    package var provenance: Digest?
    /// Who signed the document that brought it, who published it, and how many devices run it: for the maker's people.
    package var signers: [String]?
    package var publishedBy: String?
    package var running: Int?
}

package struct PersonView: Codable, Sendable, Equatable {
    package struct Token: Codable, Sendable, Equatable {
        package var label: String
        package var issuedAt: Timestamp
        package var expires: Timestamp
    }
    package var person: PersonID
    package var name: String
    package var role: Role
    package var owner: OwnerID?
    package var addedAt: Timestamp
    package var tokens: [Token]
}

package struct OwnerView: Codable, Sendable, Equatable {
    package var owner: OwnerID
    package var name: String
    /// "person" or "organisation".
    package var kind: String
    package var addedAt: Timestamp
}

package struct AuthorityView: Codable, Sendable, Equatable {
    package struct RevocationListState: Codable, Sendable, Equatable {
        package var number: Int
        package var thisUpdate: Timestamp
        package var nextUpdate: Timestamp
    }
    package var name: String
    /// "root", "issuing", "service", "birth".
    package var kind: String
    package var certificate: CertificateView
    /// Whether its key is in this house's key store.
    package var hasKey: Bool
    package var revocationList: RevocationListState?
}

/// Who the reader is.
package struct WhoAmI: Codable, Sendable, Equatable {
    package var person: PersonID?
    package var name: String?
    package var role: Role
    package var owner: OwnerID?
    package var permissions: [Permission]
}
