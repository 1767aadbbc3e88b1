import Trust
import Wire

/// Where an artifact comes from: an in-toto statement v1 with a SLSA provenance v1 predicate, in a DSSE envelope. Only one whose
/// signature is by a builder's key that the product trusts can be made.
package struct Provenance: Sendable, Equatable {
    /// Name of the builder (`runDetails.builder.id`).
    package let builder: String
    package let buildType: String
    /// SHA-256 of what was built, lower-case hexadecimal.
    package let subjects: Set<String>

    package enum Bound {
        package static let bytes = 1 << 20
        package static let subjects = 1024
        package static let textBytes = 1024
    }

    package static let payloadType = "application/vnd.in-toto+json"

    /// - Parameter builders: SubjectPublicKeyInfos of builders that the product trusts.
    package init(_ bytes: [UInt8], builders: [[UInt8]]) throws(Refusal) {
        let envelope = try CanonicalJSON.decode(AttestationEnvelope.self, from: bytes, limit: Bound.bytes)
        let payload: [UInt8]
        do throws(Refusal) {
            payload = try envelope.seal.verified(type: Self.payloadType, by: builders, limit: Bound.bytes)
        } catch {
            guard error.code == .unauthenticated else { throw error }
            throw Refusal(
                .unauthenticated, "The provenance is not signed by a builder that the product trusts.",
                hint: "Have it signed by one, or name the builder's key: lifelong product publish --builder-key",
                rule: "admission: provenance signature")
        }
        let statement = try CanonicalJSON.decode(Statement.self, from: payload, limit: Bound.bytes)
        guard statement.type == "https://in-toto.io/Statement/v1",
            statement.predicateType == "https://slsa.dev/provenance/v1"
        else { throw Self.fault("is no in-toto statement v1 with SLSA provenance v1") }
        builder = statement.predicate.runDetails.builder.id
        buildType = statement.predicate.buildDefinition.buildType
        guard (1...Bound.subjects).contains(statement.subject.count),
            [builder, buildType].allSatisfy({ text in
                (1...Bound.textBytes).contains(text.utf8.count)
                    && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
            })
        else { throw Self.fault("names no builder, no kind of build, or no subject, or too many") }
        subjects = Set(statement.subject.compactMap { $0.digest["sha256"]?.lowercased() })
    }

    private static func fault(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The provenance \(what).", hint: "Have the builder write SLSA provenance v1 for this artifact.",
            rule: "admission: provenance form")
    }

    package func demand(_ sha256: Digest) throws(Refusal) {
        guard subjects.contains(sha256.description) else {
            throw Refusal(
                .conflict, "The provenance is of another artifact than \(sha256).",
                hint: "Attach the provenance that the build of this very file made.",
                rule: "admission: provenance subject")
        }
    }
}

/// DSSE as other tools write it: `keyid` may be missing.
private struct AttestationEnvelope: Decodable {
    struct Signature: Decodable {
        var keyid: String?
        var sig: String
    }
    var payloadType: String
    var payload: String
    var signatures: [Signature]

    var seal: Seal {
        var seal = Seal(
            payloadType: payloadType, payload: [],
            signatures: signatures.prefix(17).map { .init(keyid: $0.keyid ?? "", sig: $0.sig) })
        seal.payload = payload
        return seal
    }
}

private struct Statement: Decodable {
    struct Subject: Decodable { var digest: [String: String] }
    struct Predicate: Decodable {
        struct Definition: Decodable { var buildType: String }
        struct Details: Decodable {
            struct Builder: Decodable { var id: String }
            var builder: Builder
        }
        var buildDefinition: Definition
        var runDetails: Details
    }
    var type: String
    var predicateType: String
    var subject: [Subject]
    var predicate: Predicate

    private enum CodingKeys: String, CodingKey {
        case type = "_type"
        case predicateType, subject, predicate
    }
}
