import TUF
import Wire

/// What a client trusts, on its disk: one file a role, without a version in its name, each replaced in one step.
package struct MetadataFolder: Sendable {
    let disk: any Disk
    let path: String

    package init(on disk: any Disk, at path: String) {
        self.disk = disk
        self.path = path
    }

    private func file(_ role: String) -> String { "\(path)/\(MetadataRequest.localName(of: role))" }

    /// Nil where nothing was written down.
    func read(_ role: String, limit: Int) throws -> [UInt8]? { try disk.readWhole(file(role), limit: limit) }

    package func write(_ role: String, _ bytes: [UInt8]) throws { try disk.write(bytes, to: file(role)) }

    func forget(_ role: String) throws { try disk.erase(file(role)) }

    // MARK: - The time of an update

    private var believedFile: String { path + "/believed" }
    /// Between two writes of it.
    private static let believedSeconds: Int64 = 3600

    /// When metadata was last believed to its end: no update happens before that. Nil before the first.
    func believed() throws -> Timestamp? {
        try disk.readWhole(believedFile, limit: 64).flatMap {
            Timestamp(String(decoding: $0, as: UTF8.self))
        }
    }

    /// Only of an instant at which metadata was believed, so that a clock that ran ahead cannot push it beyond what honest people
    /// signed for.
    func believe(at now: Timestamp) throws {
        if let before = try believed(), now.seconds(since: before) < Self.believedSeconds { return }
        try disk.write(Array(now.description.utf8), to: believedFile)
    }
}
