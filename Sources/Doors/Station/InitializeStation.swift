import Keys
import Trust
import Wire

/// Makes a station: two keys that stay in its key store, and the request that goes to the maker. Repeating it is harmless.
package struct InitializeStation: Sendable {
    let home: StationHome
    let name: String
    /// SPKI of the key that signs permits, if it is known already; pinned from then on.
    let makerKey: [UInt8]?

    /// "<name> birth CA" has to fit into a common name of 64 characters (RFC 5280, appendix A.1).
    private static let maximumNameLength = 48

    package init(home: StationHome, name: String, makerKey: [UInt8]? = nil) {
        self.home = home
        self.name = name
        self.makerKey = makerKey
    }

    package func perform(keys: any KeyStore) throws -> StationRequest {
        _ = try BatchID(name)
        guard name.utf8.count <= Self.maximumNameLength else {
            throw Refusal(
                .malformed, "The station's name has more than \(Self.maximumNameLength) characters.",
                hint: "Choose a shorter one.")
        }
        try StationFile.makeFolder(home.path)
        let lock = try home.lock()
        defer { withExtendedLifetime(lock) {} }
        try writeRecord()
        let record = try home.record()
        for label in [StationKeys.birthAuthority(record.newest), StationKeys.manifest(record.newest)] {
            _ = try keys.findOrMake(label, algorithm: .p256)
        }
        return try Self.request(record, home, keys)
    }

    /// What goes to the maker, written beside the station's record.
    static func request(_ record: StationRecord, _ home: StationHome, _ keys: any KeyStore) throws -> StationRequest {
        let birth = try keys.require(StationKeys.birthAuthority(record.newest))
        let manifest = try keys.require(StationKeys.manifest(record.newest))
        let csr = try CertificationRequest.authority(name: "\(record.name) birth CA", key: birth)
        let request = StationRequest(
            name: record.name, birthAuthorityRequest: Base64.encode(csr),
            stationKey: Base64.encode(manifest.publicKeyDER))
        try StationFile.write(
            Array((try CanonicalJSON.pretty(request) + "\n").utf8), to: home.requestFile, mode: 0o644)
        return request
    }

    private func writeRecord() throws {
        let pinned = makerKey.map { Base64.encode($0) }
        var record = StationRecord(name: name, makerKey: pinned)
        if StationFile.exists(home.recordFile) {
            let known = try home.record()
            guard known.name == name else {
                throw Refusal(
                    .conflict, "\(home.path) is the station \"\(known.name)\" already.",
                    hint: "Use another folder for another station.")
            }
            guard pinned == nil || known.makerKey == nil || known.makerKey == pinned else {
                throw Refusal(
                    .conflict, "The station is pinned to another maker's key.",
                    hint: "Leave --maker-key out, or make a new station for another maker.")
            }
            record = known
            record.makerKey = known.makerKey ?? pinned
            if record == known { return }
        }
        try record.write(to: home)
    }
}
