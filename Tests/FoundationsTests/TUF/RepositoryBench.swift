import Crypto
import TUF
import Trust
import Wire

/// A maker's repository in memory, written by the code that writes it in earnest; an attack is a file that is changed.
struct RepositoryBench {
    static let now = Timestamp(year: 2026, month: 11, day: 21)
    static let payload = Array("image 1".utf8)

    var rootKeys = Self.keys(3)
    var timestampKeys = Self.keys(1)
    var snapshotKeys = Self.keys(1)
    var targetsKeys = Self.keys(3)

    /// As a server would publish them, by name.
    private(set) var files: [String: [UInt8]] = [:]
    private(set) var roots: [[UInt8]] = []
    var timestamp: TimestampRole?
    var snapshot: SnapshotRole?
    var targets: TargetsRole
    private var drafts: [MetadataDraft] = []
    private var snapshotListing = ListedFile(version: 1)

    var firstRoot: [UInt8] { roots[0] }

    static func keys(_ count: Int) -> [EphemeralKey] { (0..<count).map { _ in EphemeralKey(.ed25519) } }

    static func metadataKey(_ key: EphemeralKey) -> MetadataKey {
        // Keys of these kinds are always taken.
        (try? MetadataKey(spki: key.publicKeyDER)) ?? { preconditionFailure("a key that is no key") }()
    }

    static func signers(_ keys: [EphemeralKey], _ threshold: Int) -> Signers {
        Signers(keys.map(metadataKey), threshold: threshold)
    }

    static func target(_ path: String, _ bytes: [UInt8] = payload) -> TargetFile {
        TargetFile(
            path: path, length: bytes.count, hashes: FileHashes([.sha256: Wire.Digest(SHA256.hash(data: bytes))]))
    }

    init(_ targets: [TargetFile] = [Self.target("image")], _ delegations: Delegations? = nil) throws {
        self.targets = TargetsRole(
            version: 1, expires: Self.now.adding(days: 300), targets: targets, delegations: delegations)
        try publishRoot()
        try publishAll()
    }

    func content(_ version: Int, expires: Timestamp? = nil) -> RootRole {
        RootRole(
            version: version, expires: expires ?? Self.now.adding(days: 300), root: Self.signers(rootKeys, 2),
            timestamp: Self.signers(timestampKeys, 1), snapshot: Self.signers(snapshotKeys, 1),
            targets: Self.signers(targetsKeys, 2))
    }

    /// The next root, of the present keys.
    mutating func publishRoot(expires: Timestamp? = nil, signedAlsoBy others: [EphemeralKey] = []) throws {
        let root = content(roots.count + 1, expires: expires)
        addRoot(try Self.sign(root, by: Array(rootKeys.prefix(2)) + others).document)
    }

    mutating func addRoot(_ document: [UInt8]) {
        roots.append(document)
        files["\(roots.count).root.json"] = document
    }

    static func sign(_ role: some MetadataRole, as name: String? = nil, by keys: [EphemeralKey]) throws -> MetadataDraft
    {
        var draft = MetadataDraft(role, as: name)
        for key in keys { try draft.sign(with: key) }
        return draft
    }

    mutating func put(_ draft: MetadataDraft) { files[Edition.fileName(draft)] = draft.document }
    mutating func put(_ bytes: [UInt8], _ name: String) { files[name] = bytes }

    mutating func publishTargets(version: Int? = nil, signedBy keys: [EphemeralKey]? = nil) throws {
        let next = version ?? targets.version
        targets = TargetsRole(
            version: next, expires: targets.expires, targets: Array(targets.targets.values),
            delegations: targets.delegations)
        let draft = try Self.sign(targets, by: keys ?? Array(targetsKeys.prefix(2)))
        put(draft)
        drafts.append(draft)
    }

    mutating func publishDelegated(_ role: TargetsRole, as name: String, by keys: [EphemeralKey]) throws {
        let draft = try Self.sign(role, as: name, by: keys)
        put(draft)
        drafts.append(draft)
    }

    mutating func publishSnapshot(days: Int64 = 30, version: Int? = nil, files: [String: ListedFile]? = nil) throws {
        let made = Edition.snapshot(after: snapshot, with: drafts, expires: Self.now.adding(days: days))
        let next = SnapshotRole(version: version ?? made.version, expires: made.expires, files: files ?? made.files)
        snapshot = next
        drafts = []
        let draft = try Self.sign(next, by: snapshotKeys)
        snapshotListing = Edition.listing(draft)
        put(draft)
    }

    mutating func publishTimestamp(days: Int64 = 2, version: Int? = nil, of listed: ListedFile? = nil) throws {
        let made = Edition.timestamp(
            after: timestamp, of: listed ?? snapshotListing, expires: Self.now.adding(days: days))
        let next = TimestampRole(version: version ?? made.version, expires: made.expires, snapshot: made.snapshot)
        timestamp = next
        put(try Self.sign(next, by: timestampKeys))
    }

    mutating func publishAll() throws {
        try publishTargets()
        try publishSnapshot()
        try publishTimestamp()
    }
}

/// A client without disk and network: what it wrote down, by role.
struct ClientBench {
    var stored: [String: [UInt8]]
    /// What it asked for, in order.
    private(set) var asked: [String] = []
    var limits = UpdateLimits()

    init(_ repository: RepositoryBench) { stored = ["root": repository.firstRoot] }

    @discardableResult
    mutating func refresh(
        _ files: [String: [UInt8]], at now: Timestamp = RepositoryBench.now
    ) throws(MetadataRefusal) -> TrustedRepository {
        asked = []
        var roots = try RootStep(trusted: stored["root"] ?? [], at: now, limits: limits)
        while let request = roots.request, let bytes = get(request, files) {
            if try roots.take(bytes).forgetsTimestampAndSnapshot {
                stored["timestamp"] = nil
                stored["snapshot"] = nil
            }
            stored["root"] = bytes
        }
        var timestamps = try roots.finish()
        if let known = stored["timestamp"] { timestamps.recall(known) }
        let timestamp = try demand(timestamps.request, files)
        var snapshots = try timestamps.take(timestamp)
        if snapshots.isTimestampNew { stored["timestamp"] = timestamp }
        if let known = stored["snapshot"] { snapshots.recall(known) }
        let snapshot = try wanted(try snapshots.request, files)
        var targetsStep = try snapshots.take(snapshot)
        if let snapshot { stored["snapshot"] = snapshot }
        if let known = stored["targets"] { targetsStep.recall(known) }
        let targets = try wanted(try targetsStep.request, files)
        let repository = try targetsStep.take(targets)
        if let targets { stored["targets"] = targets }
        return repository
    }

    mutating func find(
        _ path: String, _ repository: TrustedRepository, _ files: [String: [UInt8]]
    ) throws(MetadataRefusal) -> FoundTarget? {
        var search = repository.search(for: path)
        while let question = try search.question {
            if let known = stored[question.request.role], (try? search.take(known)) != nil { continue }
            let bytes = try demand(question.request, files)
            try search.take(bytes)
            stored[question.request.role] = bytes
        }
        if case .found(let target) = search.state { return target }
        return nil
    }

    private mutating func get(_ request: MetadataRequest, _ files: [String: [UInt8]]) -> [UInt8]? {
        asked.append(request.remoteName)
        return files[request.remoteName]
    }

    private mutating func wanted(
        _ request: MetadataRequest?, _ files: [String: [UInt8]]
    ) throws(MetadataRefusal) -> [UInt8]? {
        guard let request else { return nil }
        return try demand(request, files)
    }

    private mutating func demand(
        _ request: MetadataRequest, _ files: [String: [UInt8]]
    ) throws(MetadataRefusal) -> [UInt8] {
        guard let bytes = get(request, files) else { throw MetadataRefusal(request.role, "5.3.3", .notFetched) }
        return bytes
    }
}

/// Why it was refused; nil if it was not.
func refusal(_ body: () throws(MetadataRefusal) -> Void) -> MetadataRefusal? {
    do throws(MetadataRefusal) {
        try body()
        return nil
    } catch { return error }
}

/// Why a root does not follow another.
func refusalOfRoot(_ document: [UInt8], after trusted: [UInt8]) -> MetadataRefusal? {
    refusal { () throws(MetadataRefusal) in
        var step = try RootStep(trusted: trusted, at: RepositoryBench.now)
        _ = try step.take(document)
    }
}

/// Why a timestamp is not believed under a root.
func refusalOfTimestamp(_ document: [UInt8], under root: [UInt8]) -> MetadataRefusal? {
    refusal { () throws(MetadataRefusal) in
        _ = try RootStep(trusted: root, at: RepositoryBench.now).finish().take(document)
    }
}

extension MetadataRefusal {
    /// "snapshot 5.5.5": enough to tell refusals apart.
    var place: String { "\(role) \(rule)" }
}

/// A document with its content or its list of signatures changed, and not signed again.
func edited(_ document: [UInt8], _ change: (inout [String: JSONValue]) -> Void) throws -> [UInt8] {
    guard case .object(var fields) = try JSONValue(document) else { return document }
    change(&fields)
    return JSONValue.object(fields).document
}
