import Passport
import Selection
import Wire

/// Which devices a list shows; everything given must hold.
package struct DeviceFilter: Sendable, Equatable {
    package enum AlarmFilter: Sendable, Equatable {
        /// Has any open alarm.
        case any
        case kind(Alarm)
    }
    package var stage: Stage?
    package var product: ProductID?
    package var batch: BatchID?
    package var owner: OwnerID?
    package var alarm: AlarmFilter?
    /// Beginning of a serial, or a whole name.
    package var q: String?
    /// Whatever else is wanted: looked at device by device, in what the others find.
    package var selector: Selector?

    package init(
        stage: Stage? = nil, product: ProductID? = nil, batch: BatchID? = nil, owner: OwnerID? = nil,
        alarm: AlarmFilter? = nil, q: String? = nil, selector: Selector? = nil
    ) {
        self.stage = stage
        self.product = product
        self.batch = batch
        self.owner = owner
        self.alarm = alarm
        self.q = q
        self.selector = selector
    }
}

/// One line of a list of devices.
package struct DeviceRow: Codable, Sendable, Equatable {
    package var device: DeviceID
    package var serial: String
    package var product: ProductID
    package var batch: BatchID
    package var hardware: String
    package var stage: Stage
    /// Of the open tenure.
    package var grade: Grade?
    package var owner: OwnerName?
    package var lastContactAt: Timestamp?
    /// Version of the software, as the device reported it.
    package var softwareVersion: String?
    package var openAlarms: Int
    package var bornAt: Timestamp
    package var changedAt: Timestamp
}

package struct DevicePage: Codable, Sendable, Equatable {
    package var devices: [DeviceRow]
    /// Opaque; given back as `after` for the next page; nil at the end.
    package var next: String?
}

/// An owner, for those who may know.
package struct OwnerName: Codable, Sendable, Equatable {
    package var owner: OwnerID
    package var name: String
    /// "person" or "organisation".
    package var kind: String
}

/// Everything of one device that the reader may see.
package struct DeviceView: Codable, Sendable, Equatable {
    package struct RightView: Codable, Sendable, Equatable {
        package var right: Right
        package var ruling: Ruling
        package var allowed: Bool
        package var reason: String
        package var rule: String
    }

    package struct TenureView: Codable, Sendable, Equatable {
        package var tenure: TenureID
        package var grade: Grade
        package var since: Timestamp
        /// Nil while it is open.
        package var ended: Timestamp?
        package var isOpen: Bool
        /// Of the open one, for those who may know.
        package var owner: OwnerName?
    }

    package struct ContactView: Codable, Sendable, Equatable {
        package var at: Timestamp
        package var agent: String
        package var softwareVersion: String
        package var sequence: Int
        package var slot: String?
        package var configurationVersion: Int
        package var posture: [String: String]
    }

    package struct ConfigurationView: Codable, Sendable, Equatable {
        /// 0 is none.
        package var wantedVersion: Int
        package var appliedVersion: Int
    }

    package struct UpdateView: Codable, Sendable, Equatable {
        package struct Known: Codable, Sendable, Equatable {
            package var release: Digest
            package var sequence: Int
            package var version: String?
            /// True where the server observed it and the device signed nothing.
            package var observed: Bool?
        }
        package var offered: Known?
        package var installed: Known?
    }

    package struct TransferView: Codable, Sendable, Equatable {
        package var offeredAt: Timestamp
        package var acceptedAt: Timestamp?
        /// When the acceptance code stops working.
        package var expires: Timestamp?
    }

    package struct RetirementView: Codable, Sendable, Equatable {
        package var how: RetirementKind
        package var at: Timestamp
    }

    /// Something that the reader may do with the device now.
    package struct ActionView: Codable, Sendable, Equatable {
        /// The action's name: `POST /api/v1/<name>`.
        package var name: String
        /// What a button says.
        package var title: String
        /// One sentence: what happens then.
        package var consequence: String
        /// Cannot be undone.
        package var isFinal: Bool
    }

    package var device: DeviceID
    package var serial: String
    package var product: ProductID
    package var productTitle: String?
    package var batch: BatchID
    package var hardware: String
    package var stage: Stage
    package var retirement: RetirementView?
    /// Number of events in its passport.
    package var passportVersion: Int
    package var bornAt: Timestamp
    package var changedAt: Timestamp
    /// One imperative sentence: the way out of the present stage.
    package var whatToDo: String
    package var rights: [RightView]
    /// Oldest first.
    package var tenures: [TenureView]
    /// The birth certificate, its birth CA, the maker's root.
    package var birthChain: [CertificateView]
    /// Operational ones, newest first, at most 50.
    package var operationalCertificates: [CertificateView]
    package var contact: ContactView?
    package var configuration: ConfigurationView
    package var update: UpdateView
    package var openAlarms: [AlarmView]
    package var transfer: TransferView?
    /// A pairing waits for the device's proof until then.
    package var pairingExpires: Timestamp?
    package var wipeOwed: Bool
    /// Entries of the device's own log that are taken over.
    package var logEntries: Int
    package var actions: [ActionView]
}

package struct CertificateView: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable, CaseIterable {
        /// Reserved, being signed.
        case intended
        case good
        case expired
        case revoked
        /// Reserved and never signed.
        case abandoned
    }
    /// As in `CertificateKind`: "birth", "operational", "authority", "root".
    package var kind: String
    package var serial: String
    /// Who signed it, by name ("operational-issuing-1"), or its issuer's distinguished name.
    package var authority: String
    package var subject: String?
    package var notBefore: Timestamp
    /// 9999-12-31T23:59:59Z means: no end.
    package var notAfter: Timestamp
    package var state: State
    package var revokedAt: Timestamp?
    package var reason: String?
    /// SHA-256 of the DER.
    package var sha256: Digest?
    package var tenure: TenureID?
}
