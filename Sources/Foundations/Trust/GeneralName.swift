import Foundation
import Wire

/// GeneralName of RFC 5280 §4.2.1.6; values whose syntax that section refuses are refused here.
enum GeneralName: Sendable {
    case other(type: OID, value: [UInt8])
    case email(String)
    case dns(String)
    case directory(DistinguishedName)
    case uri(String)
    /// 4 or 16 octets.
    case ip([UInt8])
    case registered(OID)
    /// x400Address [3] and ediPartyName [5], which nobody uses.
    case unread(UInt)

    /// Context tag number: the name's form.
    var form: UInt {
        switch self {
        case .other: 0
        case .email: 1
        case .dns: 2
        case .directory: 4
        case .uri: 6
        case .ip: 7
        case .registered: 8
        case .unread(let form): form
        }
    }

    init(_ node: DERNode) throws(Refusal) {
        guard let form = node.contextNumber else { throw node.wrong("a GeneralName without its tag") }
        switch form {
        case 0: self = try Self.other(node)
        case 1: self = .email(try Self.text(node, 1, Self.isMailbox, "e-mail address"))
        case 2: self = .dns(try Self.text(node, 2, HostName.isValidPattern, "DNS name"))
        case 4:
            var inside = try node.children(of: .context(4))
            self = .directory(try DistinguishedName(try inside.take()))
            try inside.end()
        case 6: self = .uri(try Self.text(node, 6, { !$0.isEmpty && $0.contains(":") }, "URI"))
        case 7:
            let octets = try node.octets(of: .context(7))
            guard octets.count == 4 || octets.count == 16 else { throw Self.bad("IP address", node) }
            self = .ip(Array(octets))
        case 8: self = .registered(try node.objectIdentifier(.context(8)))
        case 3, 5: self = .unread(form)
        default: throw node.wrong("a GeneralName of an unknown form")
        }
    }

    /// GeneralNames ::= SEQUENCE SIZE (1..MAX); at most 1024 here.
    static func list(_ value: [UInt8], of subject: String) throws(Refusal) -> [GeneralName] {
        let nodes = try DERNode.parse(value[...], as: subject).children()
        guard (1...1024).contains(nodes.count) else {
            throw Refusal(
                .malformed, "The \(subject) holds \(nodes.count) names.", hint: "Name between 1 and 1024.",
                rule: "RFC 5280 §4.2.1.6")
        }
        var names: [GeneralName] = []
        for node in nodes { names.append(try GeneralName(node)) }
        return names
    }

    private static func other(_ node: DERNode) throws(Refusal) -> GeneralName {
        var fields = try node.children(of: .context(0))
        let type = try fields.take().objectIdentifier()
        var wrapped = try fields.take().children(of: .context(0))
        let value = try wrapped.take()
        try wrapped.end()
        try fields.end()
        return .other(type: type, value: Array(value.encoded))
    }

    private static func text(
        _ node: DERNode, _ form: UInt, _ isValid: (String) -> Bool, _ what: String
    ) throws(Refusal) -> String {
        let octets = try node.octets(of: .context(form))
        let text = String(decoding: octets, as: UTF8.self)
        guard octets.allSatisfy({ (0x20...0x7e).contains($0) }), isValid(text) else { throw bad(what, node) }
        return text
    }

    private static func bad(_ what: String, _ node: DERNode) -> Refusal {
        Refusal(
            .malformed, "The \(node.subject) holds a broken \(what).", hint: "Write the \(what) as RFC 5280 demands.",
            rule: "RFC 5280 §4.2.1.6")
    }

    static func isMailbox(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && HostName.isValid(String(parts[1]))
            && !text.contains(where: { " <>()[],;:\\\"".contains($0) })
    }
}

/// DNS names and addresses as certificates hold them.
enum HostName {
    /// Letters, digits and hyphens in labels of 1 to 63, at most 253 together (RFC 1034 §3.5, RFC 1123 §2.1).
    static func isValid(_ name: some StringProtocol) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            let bytes = Array(label.utf8)
            return (1...63).contains(bytes.count) && bytes.first != 45 && bytes.last != 45
                && bytes.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
                }
        }
    }

    /// A valid name, or `*.` before one (RFC 9525 §6.3).
    static func isValidPattern(_ name: String) -> Bool { isValid(name.hasPrefix("*.") ? name.dropFirst(2) : name[...]) }

    /// Whether the pattern of a certificate names the host: a wildcard is one whole leftmost label.
    static func matches(pattern: String, host: String) -> Bool {
        let pattern = pattern.lowercased()
        let host = host.lowercased()
        guard pattern.hasPrefix("*.") else { return pattern == host }
        guard let dot = host.firstIndex(of: ".") else { return false }
        return dot > host.startIndex && host[dot...] == pattern.dropFirst(1)
    }

    /// 4 or 16 octets of an address in text, nil for anything else.
    static func address(_ text: String) -> [UInt8]? {
        var v4 = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &v4) == 1 { return v4 }
        var v6 = [UInt8](repeating: 0, count: 16)
        return inet_pton(AF_INET6, text, &v6) == 1 ? v6 : nil
    }
}
