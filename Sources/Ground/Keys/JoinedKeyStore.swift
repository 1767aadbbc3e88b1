import Trust
import Wire

/// Two stores as one, while a deployment moves from the second to the first: keys are looked for in both, and made in the
/// first only.
package final class JoinedKeyStore: KeyStore {
    /// Where keys are made.
    package let first: any KeyStore
    /// Where keys are from before, until nothing needs them.
    package let second: any KeyStore

    package init(first: any KeyStore, second: any KeyStore) {
        self.first = first
        self.second = second
    }

    package var kind: String { "\(first.kind); from before: \(second.kind)" }
    package var mayBlock: Bool { first.mayBlock || second.mayBlock }

    package func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        guard try second.find(label) == nil else {
            throw Refusal(.conflict, "The key \"\(label)\" exists.", hint: "Choose another label.")
        }
        return try first.make(label, algorithm: algorithm)
    }

    package func find(_ label: KeyLabel) throws -> (any SigningKey)? { try first.find(label) ?? second.find(label) }

    package func labels() throws -> [KeyLabel] { Set(try first.labels() + second.labels()).sorted() }

    package func place(of label: KeyLabel) throws -> String? { try first.place(of: label) ?? second.place(of: label) }

    package func holdsWrapping(_ label: KeyLabel) throws -> Bool {
        try first.holdsWrapping(label) || second.holdsWrapping(label)
    }

    package func makeWrapping(_ label: KeyLabel) throws {
        guard try !holdsWrapping(label) else { return }
        try first.makeWrapping(label)
    }

    package func destroy(_ label: KeyLabel) throws {
        try first.destroy(label)
        try second.destroy(label)
    }

    package func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try holder(of: label).wrap(secret, under: label, context: context)
    }

    package func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        try holder(of: label).unwrap(wrapped, under: label, context: context)
    }

    private func holder(of label: KeyLabel) throws -> any KeyStore {
        try !first.holdsWrapping(label) && second.holdsWrapping(label) ? second : first
    }
}
