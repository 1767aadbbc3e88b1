import Agent
import Wire

/// The disk of one simulated device: files and links in memory. Nothing here survives a power cut; a fleet that is to
/// outlive its process keeps `contents`.
final class SimulatedDisk: Disk {
    struct Contents: Codable, Sendable, Equatable {
        /// Base64 of each file's bytes, by path.
        var files: [String: String] = [:]
        var links: [String: String] = [:]
    }

    private struct State {
        var files: [String: [UInt8]] = [:]
        var links: [String: String] = [:]
    }
    private let state: Locked<State>

    init(_ contents: Contents = Contents()) throws {
        var state = State(links: contents.links)
        for (path, text) in contents.files {
            guard let bytes = Base64.decode(text) else {
                throw Refusal(
                    .malformed, "A simulated device's file \(path) is not base64.",
                    hint: "Remove the fleet's state folder.")
            }
            state.files[path] = bytes
        }
        self.state = Locked(state)
    }

    var contents: Contents {
        state.withLock { Contents(files: $0.files.mapValues { Base64.encode($0) }, links: $0.links) }
    }

    func makeFolder(_ path: String) throws {}
    func sync(_ path: String) throws {}
    func syncFolder(_ path: String) throws {}

    func read(_ path: String, from offset: Int, limit: Int) throws -> [UInt8]? {
        state.withLock { $0.files[path].map { Array($0.dropFirst(offset).prefix(limit)) } }
    }

    func size(of path: String) throws -> Int? { state.withLock { $0.files[path]?.count } }

    func names(in folder: String) throws -> [String] {
        state.withLock { state in
            let all = Array(state.files.keys) + Array(state.links.keys)
            let parts = all.filter { $0.hasPrefix(folder + "/") }.compactMap {
                $0.dropFirst(folder.count + 1).split(separator: "/").first.map(String.init)
            }
            return Set(parts).sorted()
        }
    }

    func create(_ path: String) throws { state.withLock { $0.files[path] = [] } }

    func append(_ bytes: [UInt8], to path: String) throws {
        try change(path) { $0 += bytes }
    }

    func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws {
        try change(path) { $0 = Array($0.prefix(offset)) + bytes + $0.dropFirst(offset + bytes.count) }
    }

    func truncate(_ path: String, to size: Int) throws {
        try change(path) { $0.removeLast(max(0, $0.count - size)) }
    }

    private func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        let found: Void? = state.withLock { state in
            guard state.files[path] != nil else { return nil }
            body(&state.files[path, default: []])
        }
        guard found != nil else { throw Self.missing(path) }
    }

    func rename(_ from: String, to: String) throws {
        let found = state.withLock { state in
            if let bytes = state.files.removeValue(forKey: from) {
                state.links[to] = nil
                state.files[to] = bytes
            } else if let target = state.links.removeValue(forKey: from) {
                state.files[to] = nil
                state.links[to] = target
            } else {
                return false
            }
            return true
        }
        guard found else { throw Self.missing(from) }
    }

    func remove(_ path: String) throws {
        state.withLock {
            $0.files[path] = nil
            $0.links[path] = nil
        }
    }

    func link(_ target: String, at path: String) throws { state.withLock { $0.links[path] = target } }
    func target(of path: String) throws -> String? { state.withLock { $0.links[path] } }

    func removeFolder(_ path: String) throws {
        state.withLock {
            $0.files = $0.files.filter { !$0.key.hasPrefix(path + "/") }
            $0.links = $0.links.filter { !$0.key.hasPrefix(path + "/") }
        }
    }

    private static func missing(_ path: String) -> Refusal {
        Refusal(.unavailable, "A simulated device has no file \(path).", hint: "Remove the fleet's state folder.")
    }
}
