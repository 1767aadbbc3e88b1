import TUF
import Wire

/// How a root comes into the world without a house, the first or the next (TUF 1.0.34 §6.1). The steps, of which only the third needs
/// keys:
///
/// 1. Say what the root shall be: keys, thresholds, end.
/// 2. Carry `draft.bytesToSign` to the holders of the old and of the new root keys.
/// 3. They read it and sign it, on machines that need no network.
/// 4. `add` what comes back, in any order, until `missing` is zero on both sides.
/// 5. `finish`: the same verifier that runs in the devices takes it.
package struct RootCeremony: Sendable {
    private let before: (document: [UInt8], root: RootRole)?
    package let root: RootRole
    package private(set) var draft: MetadataDraft

    /// The first root, which devices get at birth.
    package init(first root: RootRole) {
        before = nil
        self.root = root
        draft = MetadataDraft(root)
    }

    /// The next root.
    /// - Parameters:
    ///   - document: the present root, as it is published.
    ///   - change: from the present root to the next; the version is not its affair.
    package init(
        after document: [UInt8], _ change: (_ present: RootRole, _ version: Int) -> RootRole
    ) throws(MetadataRefusal) {
        let present = try RootStep(trusted: document, at: Self.anyTime).root
        before = (document, present)
        root = change(present, present.version + 1)
        draft = MetadataDraft(root)
    }

    private static let anyTime = Timestamp(seconds: 0)

    package mutating func add(_ signature: [UInt8], by key: MetadataKey) throws(MetadataRefusal) {
        try draft.add(signature, by: key)
    }

    /// Goes on with a draft that was carried around; it has to be of this very root.
    package mutating func take(_ carried: MetadataDraft) throws(MetadataRefusal) {
        guard carried.bytesToSign == draft.bytesToSign else {
            throw MetadataRefusal("root", "6.1", .malformed("the draft that came back is not the one that was sent."))
        }
        draft = carried
    }

    /// Signatures that are wanting, of the keys that go and of the keys that come.
    package var missing: (old: Int, new: Int) {
        (before.map { draft.missing(of: $0.root.root) } ?? 0, draft.missing(of: root.root))
    }

    /// The document to publish, as "N.root.json".
    package func finish() throws(MetadataRefusal) -> [UInt8] {
        let document = draft.document
        try RootStep.demand(document, after: before?.document)
        return document
    }
}
