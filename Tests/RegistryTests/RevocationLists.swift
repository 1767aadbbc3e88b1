import Foundation
import SwiftASN1

/// Reads a CRL by hand, so that our own writer is not its own witness.
enum RevocationLists {
    /// Serials in lower-case hexadecimal, as the list has them.
    static func serials(_ der: [UInt8]) throws -> [String] {
        let list = try children(try DER.parse(der))
        let fields = try children(list[0])
        // version, signature, issuer, thisUpdate, nextUpdate, revokedCertificates …
        let revoked = fields.filter { $0.identifier == .sequence }.dropFirst(2).first
        return try revoked.map { try children($0) }?.map { entry in
            let serial = try ArraySlice<UInt8>(derEncoded: try children(entry)[0])
            return serial.map { String(format: "%02x", $0) }.joined()
        } ?? []
    }

    private static func children(_ node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { throw CocoaError(.coderReadCorrupt) }
        return Array(nodes)
    }
}
