import Keys
import Logging
import Store
import Trust
import Wire

/// The certificate authorities that the house knows, and the keys of those that it can sign with.
///
/// Read from the table `authority` when the house opens and again whenever one is added. An authority whose key is
/// elsewhere (a root kept offline, a birth CA at its station) is known by its certificate alone.
package final class Authorities: Sendable {
    package enum Name {
        package static let makerRoot = "maker-root"
        package static let operationalRoot = "operational-root"
        /// The first of each; successors count on (`Authorities.issuing`).
        package static let issuing = "operational-issuing-1"
        package static let service = "service-issuing-1"
        /// The key of one root, certified by another of the same name (RFC 4210 §4.4).
        static func link(_ subject: String, under issuer: String) -> String { "\(subject)-under-\(issuer)" }
        package static func responder(of authority: String) -> String { "ocsp-\(authority)" }
    }

    package struct Known: Sendable {
        package let name: String
        /// "root", "issuing", "service", "birth", or "link" between two roots.
        package let kind: String
        package let certificate: [UInt8]
        /// Issuers above it, up to and including the root.
        package let chain: [[UInt8]]
        package let keyLabel: KeyLabel?
    }

    private struct State {
        var era = 0
        /// Number of the load that this came from.
        var load = 0
        var known: [String: Known] = [:]
        var open: [String: Authority] = [:]
        var birth: ChainVerifier?
        var operational: ChainVerifier?
        /// The newest of each kind.
        var newest: [String: String] = [:]
        var labels: [KeyRole: [KeyLabel]] = [:]
        /// By role, the oldest first.
        var successions: [KeyRole: [Successions.Stored]] = [:]
        /// Name of the set of operational roots in use.
        var rootSet: String?
    }
    private let state = Locked(State())

    /// Loads by their numbers, in the order in which they began to read.
    private struct Loads {
        var begun = 0
        var failed = 0
    }
    private let loads = Locked(Loads())

    package init() {}

    /// Whether the last that was read is not in use, because reading it failed.
    var isStale: Bool {
        let failed = loads.withLock { $0.failed }
        return failed > state.withLock { $0.load }
    }

    /// Two at once are no harm: what began to read later counts, because it has seen whatever was committed before.
    package func load(from house: House) async throws {
        let number = loads.withLock { loads in
            loads.begun += 1
            return loads.begun
        }
        do {
            try await load(number, from: house)
        } catch {
            loads.withLock { $0.failed = max($0.failed, number) }
            throw error
        }
    }

    private func load(_ number: Int, from house: House) async throws {
        let (known, labels, successions) = try await house.read {
            rows -> ([Known], [KeyRole: [KeyLabel]], [KeyRole: [Successions.Stored]]) in
            let known = try rows.query(
                "SELECT name, kind, certificate, chain, key_label FROM authority ORDER BY at, name"
            ).map {
                row in
                let chain = try CanonicalJSON.decode([String].self, from: Array(row.text("chain").utf8))
                return Known(
                    name: try row.text("name"), kind: try row.text("kind"), certificate: try row.bytes("certificate"),
                    chain: chain.compactMap { Base64.decode($0) },
                    keyLabel: try row.optionalText("key_label").map { try KeyLabel($0) })
            }
            return (known, try KeyRole.labels(in: rows), try Successions.stored(in: rows))
        }
        var next = State()
        next.labels = labels
        next.successions = successions
        let before = state.withLock { $0.open }
        for authority in known {
            next.known[authority.name] = authority
            next.newest[authority.kind] = authority.name
            // Opened before: a token that is away now must not make it unknown, nor fail what is committed already.
            if let open = before[authority.name], open.certificate == authority.certificate, authority.keyLabel != nil {
                next.open[authority.name] = open
                continue
            }
            guard let label = authority.keyLabel, let key = try house.keys.find(label) else { continue }
            next.open[authority.name] = try Authority(
                certificate: authority.certificate, chain: authority.chain, key: key)
        }
        // What is under an old root is good until that is retired.
        let makerRoots = Self.roots(Name.makerRoot, in: known, alsoRetired: false).map(\.certificate)
        if !makerRoots.isEmpty {
            let births = known.filter { $0.kind == "birth" }.map(\.certificate)
            next.birth = try ChainVerifier(anchors: makerRoots, intermediates: births)
        }
        let issuing = known.filter { $0.kind == Self.issuingKind }.map(\.certificate)
        let operationalRoots = Self.roots(Name.operationalRoot, in: known, alsoRetired: false).map(\.certificate)
        if !operationalRoots.isEmpty, !issuing.isEmpty {
            next.operational = try ChainVerifier(anchors: operationalRoots, intermediates: issuing)
            next.rootSet = RootSet.name(of: operationalRoots)
        }
        var loaded = next
        loaded.load = number
        state.withLock { state in
            guard number > state.load else { return }
            loaded.era = state.era + 1
            state = loaded
        }
    }

    /// The same behind a commit that added one: an error would be taken for a failure of what is done. A running server looks
    /// again within a second (`House.follow`).
    package func reload(from house: House) async {
        do {
            try await load(from: house)
        } catch {
            house.log.warning("authorities could not be read back", metadata: ["error": "\(error)"])
        }
    }

    /// Grows with every load: what was verified in an earlier one does not count any more.
    package var era: Int { state.withLock { $0.era } }

    package static let issuingKind = "issuing"
    package static let serviceKind = "service"
    package static let linkKind = "link"

    /// 1 for the first of a family ("maker-root"), 2 for "maker-root-2"; 0 for a stranger.
    static func generation(_ name: String, of first: String) -> Int {
        if name == first { return 1 }
        guard name.hasPrefix(first + "-"), let number = Int(name.dropFirst(first.count + 1)) else { return 0 }
        return number
    }

    private static func roots(_ first: String, in known: some Sequence<Known>, alsoRetired: Bool) -> [Known] {
        known.filter {
            $0.kind == "root" && generation($0.name, of: first) > 0 && (alsoRetired || $0.keyLabel != nil)
        }.sorted { generation($0.name, of: first) > generation($1.name, of: first) }
    }

    /// A root and those that it succeeded, the newest first.
    /// - Parameter first: name of the family's first: `Name.makerRoot` or `Name.operationalRoot`.
    package func roots(_ first: String, alsoRetired: Bool = false) -> [Known] {
        state.withLock { Self.roots(first, in: $0.known.values, alsoRetired: alsoRetired) }
    }

    /// The root that signs now.
    package func root(_ first: String) throws(Refusal) -> Known {
        guard let newest = roots(first).first else {
            throw Refusal(.unavailable, "The root \(first) is missing.", hint: "Start the server once.")
        }
        return newest
    }

    /// Certificates that link the roots of a family: those that lead from an old root to a newer one, also where the old one is
    /// retired, and those that lead back from a newer one to an old one that is in use.
    package func links(_ first: String) -> (newWithOld: [Known], oldWithNew: [Known]) {
        let all = roots(first, alsoRetired: true)
        let pairs = zip(all, all.dropFirst())
        return state.withLock { state in
            (
                pairs.compactMap { state.known[Name.link($0.name, under: $1.name)] },
                pairs.filter { $1.keyLabel != nil }.compactMap { state.known[Name.link($1.name, under: $0.name)] }
            )
        }
    }

    /// The authority that issues operational certificates now; those that it succeeded only revoke.
    package var issuing: String { state.withLock { $0.newest[Self.issuingKind] } ?? Name.issuing }
    /// The one that issues the server's own.
    package var service: String { state.withLock { $0.newest[Self.serviceKind] } ?? Name.service }
    /// All that issued operational certificates, the newest first.
    package var allIssuing: [Known] {
        state.withLock {
            $0.known.values.filter { $0.kind == Self.issuingKind }.sorted {
                ($1.name.count, $1.name) < ($0.name.count, $0.name)
            }
        }
    }

    /// The key that has the role, and behind it those that it succeeded and that are still needed.
    package func labels(of role: KeyRole) throws(Refusal) -> [KeyLabel] {
        let labels = state.withLock { $0.labels[role] ?? [] }
        guard !labels.isEmpty else {
            throw Refusal(
                .unavailable, "No key has the role \"\(role.rawValue)\".", hint: "Restore the database from its backup."
            )
        }
        return labels
    }

    /// Whether a key has the role; those of update metadata come with its first root.
    func hasKey(of role: KeyRole) -> Bool { state.withLock { $0.labels[role]?.isEmpty == false } }

    package func label(of role: KeyRole) throws(Refusal) -> KeyLabel { try labels(of: role)[0] }

    /// The statements that follow that number, the oldest first, and at most so many of them; nil if there is none.
    package func successions(
        of role: KeyRole, after number: Int, atMost count: Int = KeySuccession.maximumAtOnce
    ) -> [Seal]? {
        state.withLock { Self.bounded($0.successions[role], after: number, atMost: count) }
    }

    /// What a device hears at each check-in, with one look: how release keys were succeeded since the number that it knows,
    /// nothing if it does not say one, and the name of the set of roots.
    package func news(after number: Int?) -> (successions: [Seal]?, roots: String?) {
        state.withLock { state in
            let missed = number.flatMap {
                Self.bounded(state.successions[.release], after: $0, atMost: KeySuccession.maximumAtOnce)
            }
            return (missed, state.rootSet)
        }
    }

    private static func bounded(_ stored: [Successions.Stored]?, after number: Int, atMost count: Int) -> [Seal]? {
        guard let stored, let last = stored.last, last.number > number else { return nil }
        return stored.filter { $0.number > number }.prefix(count).map(\.seal)
    }

    /// The newest statement; nil if no key of the role was ever succeeded.
    package func succession(of role: KeyRole) -> Successions.Stored? {
        state.withLock { $0.successions[role]?.last }
    }

    package func known(_ name: String) -> Known? { state.withLock { $0.known[name] } }
    package var all: [Known] { state.withLock { $0.known.values.sorted { $0.name < $1.name } } }

    /// An authority to sign with, or a refusal that says what to attach.
    package func signing(_ name: String) throws(Refusal) -> Authority {
        let found = state.withLock { ($0.open[name], $0.known[name] != nil) }
        guard let authority = found.0 else {
            throw Refusal(
                .unavailable, found.1 ? "The key of \"\(name)\" is not here." : "There is no authority \"\(name)\".",
                hint: found.1
                    ? "Attach the key store that holds it." : "Start the server once to make its authorities.",
                retryAfterSeconds: 60)
        }
        return authority
    }

    /// Verifies birth certificates against the maker's root and operational ones against the operational root: separate
    /// stores, so that neither can stand for the other (IEEE 802.1AR §6.3, STANDARDS §1).
    package func verifier(for kind: CertificateKind) throws(Refusal) -> ChainVerifier {
        let found = state.withLock { kind == .birth ? $0.birth : $0.operational }
        guard let found else {
            throw Refusal(.unavailable, "The authorities are not loaded.", hint: "Wait for the server to start.")
        }
        return found
    }
}
