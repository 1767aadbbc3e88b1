import Wire

/// The name of a set of roots: who holds the same set sees it without fetching one. It proves nothing; what a device trusts is
/// decided by link certificates alone.
package enum RootSet {
    /// 32 hexadecimal digits of SHA-256 over the sorted SHA-256s of the certificates: the same in whatever order they come.
    /// - Parameter roots: DER.
    package static func name(of roots: [[UInt8]]) -> String {
        let digests = roots.map { PublicKeys.digest($0).bytes }.sorted { $0.lexicographicallyPrecedes($1) }
        return Hex.encode(PublicKeys.digest(digests.flatMap { $0 }).bytes.prefix(16))
    }
}
