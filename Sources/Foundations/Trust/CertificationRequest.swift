import SwiftASN1
import Wire

/// Makes PKCS#10 requests (RFC 2986) for a key whose bytes stay where they are.
package enum CertificationRequest {
    /// A unit asks its station: subject serialNumber=`serial` (X.520, PrintableString).
    package static func birth(serial: String, key: any SigningKey) throws -> [UInt8] {
        try make(subject: name([2, 5, 4, 5], .printableString, serial), alternativeNames: nil, key: key)
    }

    /// A device asks for its first operational certificate: subject CN=`device`.
    package static func enrolment(device: DeviceID, key: any SigningKey) throws -> [UInt8] {
        try make(subject: name([2, 5, 4, 3], .utf8String, device.text), alternativeNames: nil, key: key)
    }

    /// A station asks for its birth CA: subject CN=`name`. What the CA may do is the maker's affair.
    package static func authority(name text: String, key: any SigningKey) throws -> [UInt8] {
        try make(subject: name([2, 5, 4, 3], .utf8String, text), alternativeNames: nil, key: key)
    }

    /// A renewal: subject and subjectAltName byte for byte those of the certificate (RFC 7030 §4.2.2).
    package static func renewal(
        subjectDER: [UInt8], alternativeNamesDER: [UInt8]?, key: any SigningKey
    ) throws -> [UInt8] {
        try make(subject: subjectDER, alternativeNames: alternativeNamesDER, key: key)
    }

    private static func make(subject: [UInt8], alternativeNames: [UInt8]?, key: any SigningKey) throws -> [UInt8] {
        var info = DER.Serializer()
        try info.appendConstructedNode(identifier: .sequence) { info in
            try info.serialize(0)
            info.serializeRawBytes(subject)
            info.serializeRawBytes(key.publicKeyDER)
            try attributes(alternativeNames, into: &info)
        }
        var request = DER.Serializer()
        try request.appendConstructedNode(identifier: .sequence) { request in
            request.serializeRawBytes(info.serializedBytes)
            request.serializeRawBytes(key.algorithm.signatureAlgorithmDER)
            let signature = try key.signature(over: info.serializedBytes)
            try request.serialize(ASN1BitString(bytes: signature[...]))
        }
        return request.serializedBytes
    }

    /// [0] SET OF Attribute, which must be there even when empty (RFC 2986 §4.1).
    private static func attributes(_ alternativeNames: [UInt8]?, into info: inout DER.Serializer) throws {
        try info.appendConstructedNode(identifier: .init(tagWithNumber: 0, tagClass: .contextSpecific)) { set in
            guard let alternativeNames else { return }
            try set.appendConstructedNode(identifier: .sequence) { attribute in
                // extensionRequest, RFC 2985 §5.4.2.
                try attribute.serialize([1, 2, 840, 113549, 1, 9, 14] as ASN1ObjectIdentifier)
                try attribute.appendConstructedNode(identifier: .set) { values in
                    try values.appendConstructedNode(identifier: .sequence) { extensions in
                        try extensions.appendConstructedNode(identifier: .sequence) { entry in
                            try entry.serialize([2, 5, 29, 17] as ASN1ObjectIdentifier)
                            try entry.serialize(ASN1OctetString(contentBytes: alternativeNames[...]))
                        }
                    }
                }
            }
        }
    }

    /// A Name of one attribute.
    private static func name(
        _ type: ASN1ObjectIdentifier, _ tag: ASN1Identifier, _ value: String
    ) throws -> [UInt8] {
        var out = DER.Serializer()
        try out.appendConstructedNode(identifier: .sequence) { rdns in
            try rdns.appendConstructedNode(identifier: .set) { rdn in
                try rdn.appendConstructedNode(identifier: .sequence) { pair in
                    try pair.serialize(type)
                    pair.appendPrimitiveNode(identifier: tag) { $0 += Array(value.utf8) }
                }
            }
        }
        return out.serializedBytes
    }
}
