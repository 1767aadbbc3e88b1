/// The device API, `/device/v1/…` over mutual TLS: the bytes that server and devices both speak
/// (docs/openapi/device.yaml). Unknown members are ignored by both sides.
package enum DeviceAPI {
    package static let prefix = "/device/v1"
    package static let status = "/device/v1/status"
    /// Name in the query of `status`: the number of the last `KeySuccession` of release keys that the device followed.
    package static let succession = "succession"
    package static let checkIn = "/device/v1/check-in"
    package static let receipts = "/device/v1/receipts"
    /// Followed by the artifact's SHA-256 in hexadecimal; Range requests are answered.
    package static let artifacts = "/device/v1/artifacts/"
    /// Followed by the digest of an encrypted release's manifest: the payload key, for the operational key that asks.
    package static let envelopes = "/device/v1/envelopes/"
    /// Followed by a file's name, such as "timestamp.json": the same files as at `/tuf/metadata/` (docs/updates.md).
    package static let metadata = "/device/v1/metadata/"
    /// Between an artifact's path and the SHA-256 of the artifact that the device has: the delta, in VCDIFF.
    package static let deltaFrom = "/from/"

    /// Bounds of a request's body, in bytes.
    package static let maximumCheckInBytes = 256 * 1024
    package static let maximumReceiptBytes = 32 * 1024
    /// Entries of the device's own log in one check-in.
    package static let maximumLogEntries = 256
}

/// What a device learns of itself in one call.
package struct DeviceStatus: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable, CaseIterable {
        /// It has an owner and a live operational certificate.
        case enrolled
        /// It has an owner, but no live operational certificate: enrol.
        case notEnrolled
        /// It has no owner.
        case notPaired
        /// Enrolled, and a release is waiting.
        case updateRequired
        /// Enrolled, and past two thirds of the certificate's life: renew.
        case certificateExpiring
        case quarantined
        /// Being handed over; wipe if `wipe` is there, wait if not.
        case transferPending
        /// The certificate that was shown is revoked; the birth certificate may still be good.
        case revoked
        /// Its life is over; wipe if `wipe` is there.
        case retired
    }

    /// A challenge to prove, with the birth key, that the device really is there while it is being paired.
    package struct Pairing: Codable, Sendable, Equatable {
        /// Base64 of 32 random bytes; signed back in a `Receipt` of kind `pairingProof`.
        package var nonce: String
        package var expires: Timestamp
        package init(nonce: String, expires: Timestamp) {
            self.nonce = nonce
            self.expires = expires
        }
    }

    /// The order to wipe; answered by a `Receipt` of kind `wiped`, signed with the birth key.
    package struct Wipe: Codable, Sendable, Equatable {
        package var nonce: String
        package init(nonce: String) { self.nonce = nonce }
    }

    package var state: State
    package var stage: String
    /// One sentence: why.
    package var reason: String
    /// One imperative sentence: what to do.
    package var hint: String
    /// The device's name in Lifelong, which is the common name of its operational certificate.
    package var device: DeviceID
    /// Path of the EST service, when there is a tenure to enrol for ("/.well-known/est").
    package var enrol: String?
    package var pairing: Pairing?
    package var wipe: Wipe?
    /// A release for a device that may not check in: the remedy for one that is quarantined or being handed over, or what
    /// one that nobody owns yet should have. Its receipt is signed with the birth key.
    package var update: DesiredState.Update?
    /// With an update: how the keys that sign releases were succeeded, above the number that was asked with, for a device that
    /// missed it. The oldest first, and at most `KeySuccession.maximumAtOnce`.
    package var successions: [Seal]?
    /// The server's clock, for devices that have none.
    package var serverTime: Timestamp

    package init(
        state: State, stage: String, reason: String, hint: String, device: DeviceID, enrol: String? = nil,
        pairing: Pairing? = nil, wipe: Wipe? = nil, update: DesiredState.Update? = nil, serverTime: Timestamp
    ) {
        self.state = state
        self.stage = stage
        self.reason = reason
        self.hint = hint
        self.device = device
        self.enrol = enrol
        self.pairing = pairing
        self.wipe = wipe
        self.update = update
        self.serverTime = serverTime
    }
}

/// One entry of the device's own, hash-chained log.
///
/// `hash` = SHA-256(previous hash ‖ canonical JSON of {at, index, kind, text}); the previous hash of entry 0 is 32 zero
/// bytes. Whoever holds the head holds the whole.
package struct DeviceLogEntry: Codable, Sendable, Equatable {
    package var index: Int
    package var at: Timestamp
    /// A short word: "boot", "enrolled", "update", "intrusion" …
    package var kind: String
    /// At most 512 bytes; never a secret.
    package var text: String
    package var hash: Digest

    package init(index: Int, at: Timestamp, kind: String, text: String, hash: Digest) {
        self.index = index
        self.at = at
        self.kind = kind
        self.text = text
        self.hash = hash
    }

    /// What `hash` covers after the previous hash.
    package struct Covered: Codable, Sendable {
        package var at: Timestamp
        package var index: Int
        package var kind: String
        package var text: String
    }
    package var covered: Covered { Covered(at: at, index: index, kind: kind, text: text) }
}

/// What a device reports when it checks in, over its operational certificate.
package struct CheckInReport: Codable, Sendable, Equatable {
    /// Name and version of the client, such as "lifelong-agent/0.1.0".
    package var agent: String
    /// Sequence of the release that runs now; 0 is the factory's.
    package var sequence: Int
    /// Human version of the same ("1.4.2").
    package var version: String
    /// The slot that runs: "a" or "b".
    package var slot: String?
    /// Version of the configuration in force; 0 is none.
    package var configuration: Int
    /// Free facts about the device's state, such as "secureBoot": "on". At most 64, keys and values at most 256 bytes.
    package var posture: [String: String]
    /// The next page of the device's own log.
    package var log: [DeviceLogEntry]
    /// Number of the last `KeySuccession` of release keys that it followed; left out by a client that follows none.
    package var succession: Int?

    package init(
        agent: String, sequence: Int, version: String, slot: String? = nil, configuration: Int = 0,
        posture: [String: String] = [:], log: [DeviceLogEntry] = [], succession: Int? = nil
    ) {
        self.agent = agent
        self.sequence = sequence
        self.version = version
        self.slot = slot
        self.configuration = configuration
        self.posture = posture
        self.log = log
        self.succession = succession
    }
}

/// The answer to a check-in: what the device should be like.
package struct DesiredState: Codable, Sendable, Equatable {
    package struct Configuration: Codable, Sendable, Equatable {
        package var version: Int
        /// The document as given by the owner: canonical JSON text.
        package var document: String
        package init(version: Int, document: String) {
            self.version = version
            self.document = document
        }
    }

    package struct Update: Codable, Sendable, Equatable {
        /// `ReleaseManifest` sealed by the release key (`Seal.PayloadType.manifest`).
        package var manifest: Seal
        /// Path of the artifact on this service.
        package var path: String
        package init(manifest: Seal, path: String) {
            self.manifest = manifest
            self.path = path
        }
    }

    package var status: DeviceStatus
    package var configuration: Configuration?
    package var update: Update?
    /// `KeySuccession`s of release keys above the number that was reported, the oldest first; to be followed before the update.
    package var successions: [Seal]?
    /// Name of the set of roots that vouch for the service (`RootSet`): who trusts another set asks /cacerts.
    package var roots: String?
    /// Number of the device's log entries that are safe here; the device may forget older ones.
    package var logTaken: Int
    /// Seconds until the next check-in is expected.
    package var nextCheckInSeconds: Int

    package init(
        status: DeviceStatus, configuration: Configuration? = nil, update: Update? = nil, successions: [Seal]? = nil,
        roots: String? = nil, logTaken: Int, nextCheckInSeconds: Int
    ) {
        self.status = status
        self.configuration = configuration
        self.update = update
        self.successions = successions
        self.roots = roots
        self.logTaken = logTaken
        self.nextCheckInSeconds = nextCheckInSeconds
    }
}

/// A statement signed by the device that it did something; travels in a `Seal` of type `Seal.PayloadType.receipt`.
package struct Receipt: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// The release runs and passed its health check. Signed with the operational key; with the birth key in a stage
        /// without a back end.
        case updated
        /// The release was installed, failed, and the device went back. As `updated`.
        case rolledBack
        /// The device refused the release before it wrote anything. As `updated`.
        case refused
        /// The configuration is in force. Operational key.
        case configured
        /// All data and keys of the tenure are gone. Birth key.
        case wiped
        /// The device is here, now. Birth key.
        case pairingProof
    }

    package var kind: Kind
    package var device: DeviceID
    package var at: Timestamp
    /// The nonce of the order or challenge, as it was received, for `wiped` and `pairingProof`.
    package var nonce: String?
    /// Digest of the manifest's payload bytes, for the three kinds about releases.
    package var release: Digest?
    package var sequence: Int?
    /// Configuration version, for `configured`.
    package var configuration: Int?
    /// One sentence, for `rolledBack` and `refused`.
    package var reason: String?
    /// SHA-256 of the artifact as installed, for `updated`.
    package var artifact: Digest?

    package init(
        kind: Kind, device: DeviceID, at: Timestamp, nonce: String? = nil, release: Digest? = nil, sequence: Int? = nil,
        configuration: Int? = nil, reason: String? = nil, artifact: Digest? = nil
    ) {
        self.kind = kind
        self.device = device
        self.at = at
        self.nonce = nonce
        self.release = release
        self.sequence = sequence
        self.configuration = configuration
        self.reason = reason
        self.artifact = artifact
    }
}

/// What a release key signs (`Seal.PayloadType.manifest`).
package struct ReleaseManifest: Codable, Sendable, Equatable {
    /// Where update metadata names the same release.
    package struct Metadata: Codable, Sendable, Equatable {
        /// Path of the target, such as "thermostat-2/os/7".
        package var target: String
        /// The root to begin with, for a device that knows none yet.
        package var root: UpdateAnchor

        package init(target: String, root: UpdateAnchor) {
            self.target = target
            self.root = root
        }
    }

    package var product: ProductID
    /// Strictly growing per product; the device never goes below what runs (anti-rollback), except as `mayReturnTo` says.
    package var sequence: Int
    /// What people call it ("1.4.2").
    package var version: String
    /// Hardware names that it may run on; matched exactly against the device's own.
    package var hardware: [String]
    /// SHA-256 of the artifact.
    package var sha256: Digest
    /// Its size in bytes.
    package var size: Int
    package var created: Timestamp
    /// How it lies in the store and travels, if that is not as it is installed.
    package var encrypted: EncryptedForm?
    /// Versions that it may follow; left out or empty: any.
    package var from: [String]?
    /// Versions of the bootloader that it starts under; left out or empty: any.
    package var bootloader: [String]?
    /// Versions of the network module that it speaks with; left out or empty: any.
    package var network: [String]?
    /// SHA-256 of its bill of materials and of its provenance, as they were admitted.
    package var sbom: Digest?
    package var provenance: Digest?
    /// Left out by a product whose releases are not in update metadata.
    package var metadata: Metadata?
    /// The release before it, by the digest of its manifest's payload, if a device that runs this one may go back to it.
    package var mayReturnTo: Digest?

    package init(
        product: ProductID, sequence: Int, version: String, hardware: [String], sha256: Digest, size: Int,
        created: Timestamp, encrypted: EncryptedForm? = nil, from: [String]? = nil, bootloader: [String]? = nil,
        network: [String]? = nil, sbom: Digest? = nil, provenance: Digest? = nil, metadata: Metadata? = nil,
        mayReturnTo: Digest? = nil
    ) {
        self.product = product
        self.sequence = sequence
        self.version = version
        self.hardware = hardware
        self.sha256 = sha256
        self.size = size
        self.created = created
        self.encrypted = encrypted
        self.from = from
        self.bootloader = bootloader
        self.network = network
        self.sbom = sbom
        self.provenance = provenance
        self.metadata = metadata
        self.mayReturnTo = mayReturnTo
    }
}

/// An artifact that is encrypted: what is in the store, and nobody reads without the payload key.
package struct EncryptedForm: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable {
        /// Authenticated chunks, for our agent.
        case chunks
        /// A bundle of RAUC in its format `crypt`, without its end; RAUC clients get an end of their own.
        case rauc
        /// An archive of SWUpdate without its first entry, `sw-description`; clients get one of their own.
        case swupdate
    }
    /// One of `Kind`; a device that does not know it refuses the release and keeps the rest of the manifest.
    package var kind: String
    /// SHA-256 of the stored bytes.
    package var sha256: Digest
    package var size: Int

    package init(_ kind: Kind, sha256: Digest, size: Int) {
        self.init(kind: kind.rawValue, sha256: sha256, size: size)
    }

    package init(kind: String, sha256: Digest, size: Int) {
        self.kind = kind
        self.sha256 = sha256
        self.size = size
    }
}

/// The payload key of a release for one device (`KeyEnvelope`), base64.
package struct PayloadEnvelope: Codable, Sendable, Equatable {
    package var encapsulated: String
    package var ciphertext: String
    package init(encapsulated: String, ciphertext: String) {
        self.encapsulated = encapsulated
        self.ciphertext = ciphertext
    }
}
