import SwiftASN1
import Trust
import Wire

/// A certification request (PKCS#10, RFC 2986) for a name of one attribute, by a key whose bytes stay where they are.
package enum NamedRequest {
    package enum Attribute: Sendable {
        /// 2.5.4.3: an authority's name.
        case commonName
        /// 2.5.4.5: a unit's serial; PrintableString (X.520 §6.2.9).
        case serialNumber

        fileprivate var type: ASN1ObjectIdentifier {
            switch self {
            case .commonName: [2, 5, 4, 3]
            case .serialNumber: [2, 5, 4, 5]
            }
        }

        fileprivate var tag: ASN1Identifier { self == .serialNumber ? .printableString : .utf8String }
    }

    /// DER.
    package static func make(_ attribute: Attribute, _ text: String, key: any SigningKey) throws -> [UInt8] {
        var info = DER.Serializer()
        try info.appendConstructedNode(identifier: .sequence) { info in
            try info.serialize(0)
            try name(attribute, text, into: &info)
            info.serializeRawBytes(key.publicKeyDER)
            // Attributes must be there even when there are none (RFC 2986 §4.1).
            info.appendConstructedNode(identifier: .init(tagWithNumber: 0, tagClass: .contextSpecific)) { _ in }
        }
        var request = DER.Serializer()
        let signature = try key.signature(over: info.serializedBytes)
        try request.appendConstructedNode(identifier: .sequence) { request in
            request.serializeRawBytes(info.serializedBytes)
            request.serializeRawBytes(key.algorithm.signatureAlgorithmDER)
            try request.serialize(ASN1BitString(bytes: signature[...]))
        }
        return request.serializedBytes
    }

    private static func name(_ attribute: Attribute, _ text: String, into info: inout DER.Serializer) throws {
        try info.appendConstructedNode(identifier: .sequence) { names in
            try names.appendConstructedNode(identifier: .set) { name in
                try name.appendConstructedNode(identifier: .sequence) { pair in
                    try pair.serialize(attribute.type)
                    pair.appendPrimitiveNode(identifier: attribute.tag) { $0 += Array(text.utf8) }
                }
            }
        }
    }
}
