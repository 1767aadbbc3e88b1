import Wire

/// NameConstraints of RFC 5280 §4.2.1.10. A form of name that is constrained here but not understood refuses every
/// certificate that bears such a name, as that section demands.
struct NameConstraints: Sendable {
    enum Subtree: Sendable {
        case dns(String)
        case email(String)
        case uri(String)
        case ip(address: [UInt8], mask: [UInt8])
        case directory(DistinguishedName)
        case unread(form: UInt)

        var form: UInt {
            switch self {
            case .email: 1
            case .dns: 2
            case .directory: 4
            case .uri: 6
            case .ip: 7
            case .unread(let form): form
            }
        }
    }

    let permitted: [Subtree]
    let excluded: [Subtree]

    init(_ value: [UInt8]) throws(Refusal) {
        var fields = try DERNode.parse(value[...], as: "nameConstraints extension").children()
        permitted = try Self.subtrees(fields.take(if: .context(0)), 0)
        excluded = try Self.subtrees(fields.take(if: .context(1)), 1)
        try fields.end()
        guard !permitted.isEmpty || !excluded.isEmpty else {
            throw Self.broken("is empty")
        }
    }

    private static func subtrees(_ node: DERNode?, _ number: UInt) throws(Refusal) -> [Subtree] {
        guard let node else { return [] }
        let trees = try node.children(of: .context(number))
        guard (1...1024).contains(trees.count) else { throw broken("holds \(trees.count) subtrees") }
        var out: [Subtree] = []
        for tree in trees {
            var fields = try tree.children()
            out.append(try subtree(try fields.take()))
            // minimum is 0 by default, maximum is absent (RFC 5280 §4.2.1.10); anything else has no meaning here.
            guard fields.isAtEnd else { throw broken("uses minimum or maximum") }
        }
        return out
    }

    private static func subtree(_ node: DERNode) throws(Refusal) -> Subtree {
        switch node.contextNumber {
        case 1:
            let text = try ascii(node, 1)
            let isHost = HostName.isValid(text) || (text.hasPrefix(".") && HostName.isValid(text.dropFirst()))
            guard isHost || GeneralName.isMailbox(text) else { throw broken("has a broken e-mail constraint") }
            return .email(text)
        case 2:
            let text = try ascii(node, 2)
            guard text.isEmpty || HostName.isValid(text) else { throw broken("has a broken DNS constraint") }
            return .dns(text)
        case 4:
            var inside = try node.children(of: .context(4))
            let name = try DistinguishedName(try inside.take())
            try inside.end()
            return .directory(name)
        case 6:
            let text = try ascii(node, 6)
            guard HostName.isValid(text.hasPrefix(".") ? text.dropFirst() : text[...]) else {
                throw broken("has a broken URI constraint")
            }
            return .uri(text)
        case 7: return try network(try node.octets(of: .context(7)))
        case .some(let form) where form <= 8: return .unread(form: form)
        default: throw broken("constrains an unknown form of name")
        }
    }

    /// Address and mask, 8 or 32 octets; the mask is a prefix (RFC 4632).
    private static func network(_ octets: ArraySlice<UInt8>) throws(Refusal) -> Subtree {
        guard octets.count == 8 || octets.count == 32 else { throw broken("has a broken IP constraint") }
        let mask = Array(octets.suffix(octets.count / 2))
        var ended = false
        for byte in mask {
            let ones = (~byte).leadingZeroBitCount
            guard byte == ~(ones == 8 ? 0 : UInt8(0xff) >> UInt8(ones)), !ended || byte == 0 else {
                throw broken("has an IP mask with holes")
            }
            if ones < 8 { ended = true }
        }
        return .ip(address: Array(octets.prefix(octets.count / 2)), mask: mask)
    }

    private static func ascii(_ node: DERNode, _ form: UInt) throws(Refusal) -> String {
        let octets = try node.octets(of: .context(form))
        guard octets.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw broken("has a constraint that is not ASCII")
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func broken(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The nameConstraints extension \(what).",
            hint: "Have the authority's certificate issued anew.", rule: "RFC 5280 §4.2.1.10")
    }

    // MARK: - Judging names

    /// A sentence if the name is refused; `comparisons` is what is left of the path's allowance.
    func refusal(of name: GeneralName, comparisons: inout Int) -> String? {
        let allowed = permitted.filter { $0.form == name.form }
        let forbidden = excluded.filter { $0.form == name.form }
        comparisons -= allowed.count + forbidden.count
        guard comparisons >= 0 else { return "has too many names under too many constraints to check" }
        for subtree in forbidden where Self.covers(subtree, name, excluding: true) {
            return "has a name that its authority is forbidden to certify"
        }
        guard allowed.isEmpty || allowed.contains(where: { Self.covers($0, name, excluding: false) }) else {
            return "has a name outside what its authority may certify"
        }
        return nil
    }

    /// For a form that cannot be judged, an exclusion covers everything and a permission nothing.
    private static func covers(_ subtree: Subtree, _ name: GeneralName, excluding: Bool) -> Bool {
        switch (subtree, name) {
        case (.dns(let base), .dns(let host)): return dns(host, within: base, excluding: excluding)
        case (.email(let base), .email(let mailbox)): return email(mailbox, within: base)
        case (.uri(let base), .uri(let uri)): return self.host(of: uri).map { self.host($0, within: base) } ?? excluding
        case (.ip(let address, let mask), .ip(let ip)):
            guard address.count == ip.count else { return false }
            return zip(zip(address, mask), ip).allSatisfy { $0.0 & $0.1 == $1 & $0.1 }
        case (.directory(let base), .directory(let name)): return name.isWithin(base)
        default: return excluding
        }
    }

    /// Any number of labels may be added on the left. A wildcard name stands for all its hosts: an exclusion of one of
    /// them excludes it, a permission must hold them all.
    private static func dns(_ host: String, within base: String, excluding: Bool) -> Bool {
        let host = host.lowercased()
        let base = base.lowercased()
        if base.isEmpty { return true }
        if host.hasPrefix("*.") {
            let parent = String(host.dropFirst(2))
            if excluding, HostName.matches(pattern: host, host: base) { return true }
            return parent == base || parent.hasSuffix("." + base)
        }
        return host == base || host.hasSuffix("." + base)
    }

    /// "user@host" names a mailbox, "host" all mailboxes at it, ".domain" those at hosts inside it.
    private static func email(_ mailbox: String, within base: String) -> Bool {
        let parts = mailbox.split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return false }
        if let at = base.firstIndex(of: "@") {
            return base[..<at] == parts[0] && base[base.index(after: at)...].lowercased() == parts[1].lowercased()
        }
        return host(parts[1], within: base)
    }

    private static func host(_ host: String, within base: String) -> Bool {
        let host = host.lowercased()
        let base = base.lowercased()
        return base.hasPrefix(".") ? host.hasSuffix(base) && host.count > base.count : host == base
    }

    /// The authority's host of a URI; nil where it has none or only an address.
    private static func host(of uri: String) -> String? {
        guard let start = uri.firstRange(of: "://") else { return nil }
        let authority = uri[start.upperBound...].prefix { !"/?#".contains($0) }
        let host = (authority.split(separator: "@").last ?? "").prefix { $0 != ":" }
        return HostName.isValid(host) && HostName.address(String(host)) == nil ? String(host) : nil
    }
}
