import Crypto
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

    /// Longer ones are not for every file system.
    private static let mostNameBytes = 200

    private func file(_ role: String) -> String {
        let name = MetadataRequest.localName(of: role)
        return name.utf8.count <= Self.mostNameBytes
            ? "\(path)/\(name)" : "\(path)/\(Wire.Digest(SHA256.hash(data: Array(role.utf8)))).json"
    }

    /// Nil where nothing was written down, or nothing that the medium gives back: it is fetched again then, as a lost file is. The root
    /// is begun with anew, from the one that was named to the device.
    func read(_ role: String, limit: Int) -> [UInt8]? { (try? disk.readWhole(file(role), limit: limit)) ?? nil }

    package func write(_ role: String, _ bytes: [UInt8]) throws { try disk.write(bytes, to: file(role)) }

    func forget(_ role: String) throws { try disk.erase(file(role)) }

    // MARK: - The time of an update

    /// Two, so that a bad block of the medium does not take the time away.
    private var believedFiles: [String] { [path + "/believed", path + "/believed.again"] }
    /// Between two writes of it.
    private static let believedSeconds: Int64 = 3600

    /// When metadata was last believed to its end: no update happens before that. Nil before the first.
    func believed() -> Timestamp? {
        believedFiles.compactMap { file in
            ((try? disk.readWhole(file, limit: 64)) ?? nil).flatMap { Timestamp(String(decoding: $0, as: UTF8.self)) }
        }.max()
    }

    /// Only of an instant at which metadata was believed, so that a clock that ran ahead cannot push it beyond what honest people
    /// signed for.
    func believe(at now: Timestamp) throws {
        if let before = believed(), now.seconds(since: before) < Self.believedSeconds { return }
        for file in believedFiles { try disk.write(Array(now.description.utf8), to: file) }
    }
}
