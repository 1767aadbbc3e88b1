/// The maker's signed permission for a number of identities (`Seal.PayloadType.permit`), carried to a station by hand.
package struct Permit: Codable, Sendable, Equatable {
    package var batch: BatchID
    package var product: ProductID
    /// Hardware name of the units, which releases are matched against.
    package var hardware: String
    /// At most so many births.
    package var quantity: Int
    /// The station may use it until then.
    package var expires: Timestamp
    /// Base64 DER: the birth CA's certificate for this station's key, then the maker's root.
    package var birthChain: [String]
    /// SPKI (base64 DER) of the key that signs the station's manifest.
    package var stationKey: String
    /// What each unit is given at birth.
    package var service: ServiceAnchor

    package init(
        batch: BatchID, product: ProductID, hardware: String, quantity: Int, expires: Timestamp, birthChain: [String],
        stationKey: String, service: ServiceAnchor
    ) {
        self.batch = batch
        self.product = product
        self.hardware = hardware
        self.quantity = quantity
        self.expires = expires
        self.birthChain = birthChain
        self.stationKey = stationKey
        self.service = service
    }
}

/// A permit as it is carried to a station: its envelope, and beside it how the keys that sign permits were succeeded, for a
/// station that knows an older one (DSSE envelope: further members are ignored).
package struct PermitFile: Codable, Sendable, Equatable {
    package var payloadType: String
    package var payload: String
    package var signatures: [Seal.Signature]
    /// `KeySuccession`s of permit keys, the oldest first.
    package var successions: [Seal]?

    package init(_ permit: Seal, successions: [Seal]? = nil) {
        payloadType = permit.payloadType
        payload = permit.payload
        signatures = permit.signatures
        self.successions = successions
    }

    package var permit: Seal {
        var seal = Seal(payloadType: payloadType, payload: [], signatures: signatures)
        seal.payload = payload
        return seal
    }
}

/// What a device is given at birth so that it can find and verify the service later, without an installer.
package struct ServiceAnchor: Codable, Sendable, Equatable {
    /// "https://devices.example:8443"
    package var url: String
    /// Base64 DER of the root that the service's certificate chains to.
    package var anchors: [String]
    /// Base64 SPKI of the keys that may sign releases.
    package var releaseKeys: [String]
    /// Number of the `KeySuccession` that named them; left out if there was none yet.
    package var succession: Int?
    /// The root of update metadata. Once a device has one, it installs only what update metadata names.
    package var updates: UpdateAnchor?

    package init(
        url: String, anchors: [String], releaseKeys: [String], succession: Int? = nil, updates: UpdateAnchor? = nil
    ) {
        self.url = url
        self.anchors = anchors
        self.releaseKeys = releaseKeys
        self.succession = succession
        self.updates = updates
    }
}

/// A root of update metadata (TUF 1.0.34 §4.3) by its hash, which is as good as the root and much shorter.
package struct UpdateAnchor: Codable, Sendable, Equatable {
    package var version: Int
    /// Of the document with its signatures, as it is fetched.
    package var sha256: Digest

    package init(version: Int, sha256: Digest) {
        self.version = version
        self.sha256 = sha256
    }
}

/// What a station asks the maker for before its first batch: its two public keys, proven by a CSR and a signature.
package struct StationRequest: Codable, Sendable, Equatable {
    package var name: String
    /// Base64 DER of a PKCS#10 request for the birth CA key, made and kept at the station.
    package var birthAuthorityRequest: String
    /// Base64 SPKI of the key that will sign manifests.
    package var stationKey: String

    package init(name: String, birthAuthorityRequest: String, stationKey: String) {
        self.name = name
        self.birthAuthorityRequest = birthAuthorityRequest
        self.stationKey = stationKey
    }
}

/// One birth in a station's manifest.
package struct Birth: Codable, Sendable, Equatable {
    package var serial: String
    /// Base64 DER of the birth certificate.
    package var certificate: String
    package var at: Timestamp
    /// SHA-256 over "serial:label code", hexadecimal: the grade `label`.
    package var labelCode: Digest?
    /// The pairing secret's memory-hard hash: "scrypt:N:r:p:salt(base64):hash(base64)": the grade `secret`.
    package var secretHash: String?

    package init(serial: String, certificate: String, at: Timestamp, labelCode: Digest?, secretHash: String?) {
        self.serial = serial
        self.certificate = certificate
        self.at = at
        self.labelCode = labelCode
        self.secretHash = secretHash
    }
}

/// All births of a batch (`Seal.PayloadType.births`), signed with the station's key.
package struct BirthManifest: Codable, Sendable, Equatable {
    package var batch: BatchID
    package var station: String
    package var closed: Timestamp
    package var births: [Birth]

    package init(batch: BatchID, station: String, closed: Timestamp, births: [Birth]) {
        self.batch = batch
        self.station = station
        self.closed = closed
        self.births = births
    }
}

/// The line between a station and a unit: one JSON object a line (LF), at most 64 KiB, over stdin/stdout, a pty or a Unix
/// socket. The station speaks first.
///
/// `identify` → `hardware` → `request` → `csr` → `birth` → `born`. Either side may answer with `error` and stop.
package enum LineMessage: Codable, Sendable, Equatable {
    /// Station: who are you?
    case identify(station: String)
    /// Unit: its hardware name, and the serial that it already carries, if any.
    case hardware(name: String, serial: String?)
    /// Station: make a key pair and send a request for this serial.
    case request(serial: String, product: ProductID)
    /// Unit: base64 DER of PKCS#10. The private key stays where it was made.
    case csr(String)
    /// Station: base64 DER of the birth certificate, its chain up to and including the root, and the way to the service.
    case birth(certificate: String, chain: [String], service: ServiceAnchor)
    /// Unit: everything is on its disk. SHA-256 of the birth certificate that it stored.
    case born(sha256: Digest)
    case error(Refusal)

    package static let maximumLineBytes = 64 * 1024
}
