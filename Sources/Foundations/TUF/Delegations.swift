import Crypto
import Wire

/// The roles that a targets role trusts, in the order of trust (§4.5).
package struct Delegations: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case roles([Delegation])
        /// Hash bins that are described, not listed (TAP 15).
        case bins(HashBins)
    }

    package let kind: Kind

    package init(_ roles: [Delegation]) { kind = .roles(roles) }

    package init(_ bins: HashBins) { kind = .bins(bins) }

    init(_ fields: Fields) throws(MetadataRefusal) {
        let keys = try MetadataKey.table(try fields.object("keys"))
        switch (fields.values["roles"], fields.values["succinct_roles"]) {
        case (_?, nil):
            var roles: [Delegation] = []
            var names: Set<String> = []
            for value in try fields.list("roles", limit: UpdateLimits.roles) {
                let role = try Delegation(try Fields(value, as: "roles", of: fields.role), keys: keys)
                guard names.insert(role.name).inserted else { throw fields.fault(role.name, "occurs twice") }
                roles.append(role)
            }
            kind = .roles(roles)
        case (nil, _?): kind = .bins(try HashBins(try fields.object("succinct_roles"), keys: keys))
        default: throw fields.fault("delegations", "has both or none of roles and succinct_roles")
        }
    }

    var form: JSONValue {
        switch kind {
        case .roles(let roles):
            let keys = roles.reduce(into: [:]) { keys, role in
                keys.merge(role.signers.keys.mapValues(\.form)) { first, _ in first }
            }
            return .object(["keys": .object(keys), "roles": .list(roles.map(\.form))])
        case .bins(let bins):
            return .object(["keys": .object(bins.signers.keys.mapValues(\.form)), "succinct_roles": bins.form])
        }
    }

    /// Those that are listed one by one.
    package var roles: [Delegation] {
        if case .roles(let roles) = kind { return roles }
        return []
    }

    /// Who may speak of this path, in order, and for each whether nobody behind it is asked (terminating).
    func roles(for path: String) -> [(name: String, signers: Signers, isTerminating: Bool)] {
        switch kind {
        case .roles(let roles):
            // One hash for all roles.
            let hash = Hex.encode(SHA256.hash(data: Array(path.utf8)))
            return roles.filter { $0.covers(path, hash: hash) }.map { ($0.name, $0.signers, $0.isTerminating) }
        case .bins(let bins): return [(bins.name(for: path), bins.signers, true)]
        }
    }
}

/// One role that another trusts for some paths.
package struct Delegation: Sendable, Equatable {
    package enum Paths: Sendable, Equatable {
        case patterns([PathPattern])
        /// Beginnings of the hexadecimal SHA-256 of paths.
        case hashPrefixes([String])
        /// Neither is stated: no path at all.
        case none
    }

    package let name: String
    package let signers: Signers
    package let paths: Paths
    package let isTerminating: Bool

    package init(name: String, signers: Signers, paths: Paths, isTerminating: Bool) {
        self.name = name
        self.signers = signers
        self.paths = paths
        self.isTerminating = isTerminating
    }

    init(_ fields: Fields, keys: [String: MetadataKey]) throws(MetadataRefusal) {
        name = try Self.name(try fields.text("name", limit: UpdateLimits.nameBytes), fields)
        signers = try Signers(fields, keys: keys)
        isTerminating = try fields.flag("terminating") ?? false
        switch (fields.values["paths"], fields.values["path_hash_prefixes"]) {
        case (_?, nil):
            let texts = try fields.texts("paths", limit: UpdateLimits.patterns, bytes: UpdateLimits.pathBytes)
            paths = .patterns(texts.map { PathPattern($0) })
        case (nil, _?):
            let texts = try fields.texts("path_hash_prefixes", limit: UpdateLimits.patterns, bytes: 64)
            paths = .hashPrefixes(texts.map { $0.lowercased() })
        case (nil, nil): paths = .none
        default: throw fields.fault("paths", "stands beside path_hash_prefixes")
        }
    }

    /// A delegated role cannot take the name of a top-level one, whose file it would then replace.
    static func name(_ name: String, _ fields: Fields) throws(MetadataRefusal) -> String {
        guard !name.isEmpty, !["root", "timestamp", "snapshot", "targets", "mirrors"].contains(name),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
        else { throw fields.fault("name", "is no name for a delegated role") }
        return name
    }

    var form: JSONValue {
        var form = signers.fields
        form["name"] = .text(name)
        form["terminating"] = .flag(isTerminating)
        switch paths {
        case .patterns(let patterns): form["paths"] = .list(patterns.map { .text($0.text) })
        case .hashPrefixes(let prefixes): form["path_hash_prefixes"] = .list(prefixes.map { .text($0) })
        case .none: break
        }
        return .object(form)
    }

    func covers(_ path: String, hash: String) -> Bool {
        switch paths {
        case .patterns(let patterns): patterns.contains { $0.matches(path) }
        case .hashPrefixes(let prefixes): prefixes.contains { hash.utf8.starts(with: $0.utf8) }
        case .none: false
        }
    }
}

/// Many roles with the same signers, a path to one by its hash (TAP 15).
package struct HashBins: Sendable, Equatable {
    package let signers: Signers
    /// 1 to 32; there are 2 to that power of bins.
    package let bits: Int
    package let prefix: String

    package init(signers: Signers, bits: Int, prefix: String) {
        self.signers = signers
        self.bits = bits
        self.prefix = prefix
    }

    init(_ fields: Fields, keys: [String: MetadataKey]) throws(MetadataRefusal) {
        signers = try Signers(fields, keys: keys)
        bits = try fields.integer("bit_length", 1...32)
        prefix = try fields.text("name_prefix", limit: UpdateLimits.nameBytes - 9)
    }

    var form: JSONValue {
        var form = signers.fields
        form["bit_length"] = .integer(Int64(bits))
        form["name_prefix"] = .text(prefix)
        return .object(form)
    }

    func name(for path: String) -> String {
        let start = SHA256.hash(data: Array(path.utf8)).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return name(of: Int(start >> UInt32(32 - bits)))
    }

    /// - Parameter bin: 0 to 2^bits - 1.
    package func name(of bin: Int) -> String {
        let digits = (bits + 3) / 4
        let number = String(bin, radix: 16)
        return prefix + "-" + String(repeating: "0", count: max(0, digits - number.utf8.count)) + number
    }
}
