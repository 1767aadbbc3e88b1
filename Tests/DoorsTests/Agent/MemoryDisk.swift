import Agent
import Foundation
import Wire

struct PowerCut: Error {}

/// A disk in memory that keeps apart what was written and what was synced, and whose power can be cut at any operation.
final class MemoryDisk: Disk {
    /// What a cut leaves behind.
    enum Aftermath: CaseIterable {
        /// The process was killed: everything written is there.
        case everything
        /// Nothing that was not synced is there.
        case onlySynced
        /// Names as written, but half of every content that was not synced is missing.
        case tornContents
        /// Contents as written, but names as last synced.
        case oldNames
    }

    private struct Node: Equatable {
        var bytes: [UInt8] = []
        var synced: [UInt8] = []
    }
    private enum Entry: Equatable { case file(Int), link(String) }
    private struct State {
        var nodes: [Int: Node] = [:]
        var names: [String: Entry] = [:]
        var syncedNames: [String: Entry] = [:]
        /// Folders that were removed, until their parent is synced.
        var removed: Set<String> = []
        var nextNode = 0
        /// Operations that change something, so far.
        var count = 0
        /// The operation at which the power goes; `persisted` if that operation still takes effect.
        var cut: (at: Int, persisted: Bool)?
        var isDead = false
        /// Bytes that fit.
        var capacity = Int.max
    }
    private let state: Locked<State>

    init() { state = Locked(State()) }
    private init(_ state: sending State) { self.state = Locked(state) }

    func copy() -> MemoryDisk { MemoryDisk(state.withLock { $0 }) }
    var operations: Int { state.withLock { $0.count } }

    func limit(to capacity: Int) { state.withLock { $0.capacity = capacity } }

    func cutPower(at operation: Int, persisted: Bool) {
        state.withLock { $0.cut = ($0.count + operation, persisted) }
    }

    /// The power is back.
    func restart(_ aftermath: Aftermath) {
        state.withLock { s in
            s.isDead = false
            s.cut = nil
            if aftermath == .onlySynced || aftermath == .oldNames { s.names = s.syncedNames }
            for (id, node) in s.nodes {
                switch aftermath {
                case .everything, .oldNames: break
                case .onlySynced: s.nodes[id]?.bytes = node.synced
                case .tornContents where node.bytes != node.synced:
                    s.nodes[id]?.bytes = Array(node.bytes.prefix(max(node.synced.count, node.bytes.count / 2)))
                case .tornContents: break
                }
                let bytes = s.nodes[id]?.bytes ?? []
                s.nodes[id]?.synced = bytes
            }
            s.syncedNames = s.names
            s.removed = []
        }
    }

    private func change(_ body: (inout State) throws -> Void) throws {
        try state.withLock { s in
            guard !s.isDead else { throw PowerCut() }
            s.count += 1
            if let cut = s.cut, s.count >= cut.at {
                s.isDead = true
                if cut.persisted { try body(&s) }
                throw PowerCut()
            }
            try body(&s)
        }
    }

    private func look<T>(_ body: (State) throws -> T) throws -> T {
        try state.withLock { s in
            guard !s.isDead else { throw PowerCut() }
            return try body(s)
        }
    }

    private static func missing(_ path: String) -> Refusal {
        Refusal(.unavailable, "No file \(path).", hint: "Look at the test.")
    }

    /// Follows links in every part of the path but the last.
    private static func resolve(_ path: String, _ s: State) -> String {
        var done = ""
        let parts = path.split(separator: "/")
        for (index, part) in parts.enumerated() {
            let next = done + "/" + part
            if index < parts.count - 1, case .link(let target)? = s.names[next] {
                done += "/" + target
            } else {
                done = next
            }
        }
        return done
    }

    private static func node(_ path: String, _ s: State) -> Int? {
        switch s.names[resolve(path, s)] {
        case .file(let id): id
        case .link(let target):
            node(resolve(path, s).split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + target, s)
        case nil: nil
        }
    }

    func makeFolder(_ path: String) throws { try change { _ in } }

    func read(_ path: String, from offset: Int, limit: Int) throws -> [UInt8]? {
        try look { s in
            Self.node(path, s).flatMap { s.nodes[$0] }.map { Array($0.bytes.dropFirst(offset).prefix(limit)) }
        }
    }

    func size(of path: String) throws -> Int? {
        try look { s in
            guard case .file(let id)? = s.names[Self.resolve(path, s)] else { return nil }
            return s.nodes[id]?.bytes.count
        }
    }

    func names(in folder: String) throws -> [String] {
        try look { s in
            s.names.keys.filter { $0.hasPrefix(folder + "/") }.map { String($0.dropFirst(folder.count + 1)) }
                .filter { !$0.contains("/") }.sorted()
        }
    }

    func create(_ path: String) throws {
        try change { s in
            if let id = Self.node(path, s) {
                s.nodes[id]?.bytes = []
            } else {
                s.nodes[s.nextNode] = Node()
                s.names[Self.resolve(path, s)] = .file(s.nextNode)
                s.nextNode += 1
            }
        }
    }

    func append(_ bytes: [UInt8], to path: String) throws {
        try change { s in
            guard let id = Self.node(path, s) else { throw Self.missing(path) }
            let used = s.names.values.reduce(0) { sum, entry in
                if case .file(let file) = entry { sum + (s.nodes[file]?.bytes.count ?? 0) } else { sum }
            }
            guard bytes.count <= s.capacity - used else {
                throw Refusal(.unavailable, "No space left on \(path).", hint: "Make space.")
            }
            s.nodes[id]?.bytes += bytes
        }
    }

    func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws {
        try change { s in
            guard let id = Self.node(path, s), let there = s.nodes[id]?.bytes, offset <= there.count else {
                throw Self.missing(path)
            }
            s.nodes[id]?.bytes = Array(there.prefix(offset)) + bytes + there.dropFirst(offset + bytes.count)
        }
    }

    func truncate(_ path: String, to size: Int) throws {
        try change { s in
            guard let id = Self.node(path, s) else { throw Self.missing(path) }
            let kept = s.nodes[id].map { Array($0.bytes.prefix(size)) } ?? []
            s.nodes[id]?.bytes = kept
        }
    }

    func sync(_ path: String) throws {
        try change { s in
            guard let id = Self.node(path, s) else { throw Self.missing(path) }
            let bytes = s.nodes[id]?.bytes ?? []
            s.nodes[id]?.synced = bytes
        }
    }

    func syncFolder(_ path: String) throws {
        try change { s in
            func isChild(_ name: String) -> Bool {
                name.hasPrefix(path + "/") && !name.dropFirst(path.count + 1).contains("/")
            }
            for folder in s.removed where isChild(folder) {
                for name in s.syncedNames.keys where name.hasPrefix(folder + "/") && s.names[name] == nil {
                    s.syncedNames[name] = nil
                }
                s.removed.remove(folder)
            }
            for name in s.syncedNames.keys where isChild(name) && s.names[name] == nil { s.syncedNames[name] = nil }
            for (name, entry) in s.names where isChild(name) { s.syncedNames[name] = entry }
        }
    }

    func rename(_ from: String, to: String) throws {
        try change { s in
            guard let entry = s.names.removeValue(forKey: Self.resolve(from, s)) else { throw Self.missing(from) }
            s.names[Self.resolve(to, s)] = entry
        }
    }

    func remove(_ path: String) throws { try change { s in s.names[Self.resolve(path, s)] = nil } }

    func link(_ target: String, at path: String) throws {
        try change { s in s.names[Self.resolve(path, s)] = .link(target) }
    }

    func target(of path: String) throws -> String? {
        try look { s in
            guard case .link(let target)? = s.names[Self.resolve(path, s)] else { return nil }
            return target
        }
    }

    func removeFolder(_ path: String) throws {
        try change { s in
            for name in s.names.keys where name.hasPrefix(path + "/") { s.names[name] = nil }
            s.removed.insert(path)
        }
    }
}
