import Wire

/// A device's life so far, as a fold over its events. Holds nothing that the events do not say, and nothing personal.
package struct Passport: Codable, Sendable, Equatable {
    package struct Tenure: Codable, Sendable, Equatable {
        package var id: TenureID
        package var grade: Grade
        package var since: Timestamp
    }

    package struct Transfer: Codable, Sendable, Equatable {
        package var offeredAt: Timestamp
        package var acceptedAt: Timestamp?
    }

    package struct Update: Codable, Sendable, Equatable {
        package var release: Digest
        package var sequence: Int
        /// True of what was offered in a stage that takes remedies only; nil of every other.
        package var remedy: Bool?
        /// True of what is installed by the server's observation alone; nil where the device signed for it.
        package var observed: Bool?

        init(release: Digest, sequence: Int, remedy: Bool? = nil, observed: Bool? = nil) {
            self.release = release
            self.sequence = sequence
            self.remedy = remedy
            self.observed = observed
        }

        /// What the device may ask for it with.
        package var purpose: Purpose { remedy == true ? .remedy : .ordinary }
    }

    package struct DeviceLog: Codable, Sendable, Equatable {
        /// Number of entries taken over so far: the index of the next one.
        package var count: Int
        /// Hash of the last of them.
        package var head: Digest
    }

    package struct Retirement: Codable, Sendable, Equatable {
        package var how: RetirementKind
        package var at: Timestamp
    }

    package let device: DeviceID
    package let product: ProductID
    package let batch: BatchID
    package let birthCertificate: CertificateName
    package let bornAt: Timestamp

    package internal(set) var stage: Stage
    /// Events folded so far; the compare-and-set of every change.
    package internal(set) var version: Int
    package internal(set) var tenure: Tenure?
    /// Tenures that are over.
    package internal(set) var endedTenures: [TenureID]
    /// Operational certificates that are neither revoked nor replaced. Expiry is judged by whoever has a clock.
    package internal(set) var certificates: [CertificateName]
    package internal(set) var transfer: Transfer?
    /// A wipe is owed and its receipt is not in.
    package internal(set) var wipeOwed: Bool
    package internal(set) var configurationVersion: Int
    package internal(set) var configurationApplied: Int
    package internal(set) var offeredUpdate: Update?
    /// The offer before that was taken back, or replaced: the device may be done with it all the same, and says so late.
    package internal(set) var earlierOffer: Update?
    package internal(set) var installed: Update?
    package internal(set) var log: DeviceLog?
    package internal(set) var retirement: Retirement?
    package internal(set) var changedAt: Timestamp

    init(born device: DeviceID, product: ProductID, batch: BatchID, birthCertificate: CertificateName, at: Timestamp) {
        self.device = device
        self.product = product
        self.batch = batch
        self.birthCertificate = birthCertificate
        bornAt = at
        stage = .made
        version = 1
        endedTenures = []
        certificates = []
        wipeOwed = false
        configurationVersion = 0
        configurationApplied = 0
        changedAt = at
    }
}
