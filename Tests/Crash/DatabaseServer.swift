import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A PostgreSQL of the run's own on a Unix socket (scripts/postgresql.sh): killed, stopped and started again like the server.
/// It ends with this process, however that ends.
struct DatabaseServer: Sendable {
    let folder: String
    private let script: String
    private var log: String { folder + ".log" }

    /// - Parameter folder: absolute; the socket stands in it, so its path has to be short.
    static func start(script: String, folder: String) async throws -> DatabaseServer {
        let server = DatabaseServer(folder: folder, script: script)
        try await server.order("start", [String(getpid())])
        return server
    }

    private init(folder: String, script: String) {
        self.folder = folder
        self.script = script
    }

    /// An empty database; what `lifelong serve --database` takes.
    func makeDatabase(_ name: String) async throws -> String {
        try await sql("CREATE DATABASE \(name)")
        return "postgresql:host=\(folder) user=lifelong dbname=\(name)"
    }

    func drop(_ name: String) async throws { try await sql("DROP DATABASE \(name) WITH (FORCE)") }

    /// SIGKILL of one of the processes that serve a client: PostgreSQL ends all others and recovers by itself.
    /// - Returns: false if there was none.
    func killBackend(_ dice: inout Dice) -> Bool {
        let backends = children().filter { name(of: $0).hasPrefix("postgres: lifelong ") }
        guard !backends.isEmpty else { return false }
        return kill(backends[dice.roll(0..<backends.count)], SIGKILL) == 0
    }

    /// SIGKILL of the whole server, as far as that goes: of its first process, and of the others if `all`; those end by
    /// themselves otherwise.
    func killAll(_ all: Bool) {
        guard let first = postmaster else { return }
        let others = children()
        _ = kill(first, SIGKILL)
        if all { for other in others { _ = kill(other, SIGKILL) } }
    }

    func stop(mode: String) async throws { try await order("stop", [mode]) }
    func again() async throws { try await order("again") }

    // MARK: - How

    private var postmaster: pid_t? {
        FileManager.default.contents(atPath: folder + "/data/postmaster.pid")
            .flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n").first }.flatMap { pid_t($0) }
    }

    private func children() -> [pid_t] {
        guard let postmaster else { return [] }
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { pid_t($0) }.filter { pid in
            // "12 (name) S parent …"; the name may hold spaces and brackets.
            let text = FileManager.default.contents(atPath: "/proc/\(pid)/stat").map {
                String(decoding: $0, as: UTF8.self)
            }
            guard let text, let end = text.lastIndex(of: ")") else { return false }
            return text[end...].split(separator: " ").dropFirst(2).first.flatMap { pid_t($0) } == postmaster
        }
    }

    private func name(of pid: pid_t) -> String {
        FileManager.default.contents(atPath: "/proc/\(pid)/cmdline").map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func sql(_ text: String) async throws {
        try await run(["/usr/bin/psql", "-qX", "-h", folder, "-U", "lifelong", "-d", "lifelong", "-c", text])
    }

    private func order(_ word: String, _ rest: [String] = []) async throws {
        try await run([script, word, folder] + rest)
    }

    private func run(_ words: [String]) async throws {
        let ended = try await ServerProcess.run(words, log: log)
        guard ended.code == 0 else {
            throw Refusal(
                .unavailable, "\(words.joined(separator: " ")) ended with \(ended.code): \(ended.said)",
                hint: "Look into \(folder)/log.")
        }
    }
}
