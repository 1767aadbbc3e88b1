import Agent
import TUF
import Wire

/// What a client trusts, on its disk: one file a role, without a version in its name, each replaced in one step.
struct MetadataFolder {
    let disk: any Disk
    let path: String

    private func file(_ role: String) -> String { "\(path)/\(MetadataRequest.localName(of: role))" }

    /// Nil where nothing was written down.
    func read(_ role: String, limit: Int) throws -> [UInt8]? { try disk.readWhole(file(role), limit: limit) }

    func write(_ role: String, _ bytes: [UInt8]) throws { try disk.write(bytes, to: file(role)) }

    func forget(_ role: String) throws { try disk.erase(file(role)) }
}
