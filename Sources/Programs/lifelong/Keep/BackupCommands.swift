import ArgumentParser
import Crypto
import Foundation
import KeysFile
import Registry
import Store
import StorePostgreSQL
import Wire

/// `lifelong backup`: a consistent copy of a home, while its server runs.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy a home, also while its server runs.",
        discussion: """
            The copy holds the private keys that are files: keep it as safe as the home itself. Keys in a token are not
            in it: back the token up with its own tools.

            Example:
              lifelong backup --home lifelong-home --to backup-2026-11-21
            """)
    @Option(help: "Home of the server.") var home = "lifelong-home"
    @Option(help: "New folder for the copy.") var to: String

    func run() async throws {
        let home = ServerHome(home)
        let database = try home.requireDatabase()
        let copy = ServerHome(to)
        guard !FileManager.default.fileExists(atPath: copy.path) else {
            throw Refusal(.conflict, "\(copy.path) exists.", hint: "Name a new folder.")
        }
        try DurableFile.makeFolder(copy.path)
        // The database first: keys and artifacts that come later do no harm, ones that miss would.
        let file = try home.configuration().database == "sqlite" ? copy.databaseFile : copy.dumpFile
        try await database.backup(to: file)
        try database.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        // Keys in a token are the token's to back up.
        for part in ["keys", "lifelong.yaml"] where FileManager.default.fileExists(atPath: home.path + "/" + part) {
            // What stands there may be a link to a folder that several servers share.
            let original = URL(fileURLWithPath: home.path + "/" + part).resolvingSymlinksInPath().path
            try FileManager.default.copyItem(atPath: original, toPath: copy.path + "/" + part)
        }
        try FileManager.default.copyItem(
            atPath: home.artifactFolder(home.configuration()), toPath: copy.path + "/artifacts")
        let sums = try BackupSums.of(copy.path)
        try DurableFile.write(try CanonicalJSON.encode(sums), to: copy.path + "/" + BackupSums.file)
        print(
            "Copied \(sums.files.count) files to \(copy.path). Restore with: lifelong restore --from \(to) --home NEW")
    }
}

/// `lifelong restore`: a home from a backup, checked before it is used.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a home from a backup, and audit it.",
        discussion: """
            Example:
              lifelong restore --from backup-2026-11-21 --home restored-home
            """)
    @Option(help: "Folder that `lifelong backup` wrote.") var from: String
    @Option(help: "New home.") var home: String
    @Option(help: "Empty PostgreSQL database to restore into, if the backup is of one; becomes the new home's setting.")
    var database: String?

    func run() async throws {
        let source = ServerHome(from)
        let isDump = FileManager.default.fileExists(atPath: source.dumpFile)
        guard isDump == (database != nil) else {
            throw Refusal(
                .malformed, isDump ? "The backup is of a PostgreSQL database." : "The backup is of an SQLite database.",
                hint: isDump
                    ? "Make an empty database and name it: --database postgresql://user@host/name"
                    : "Leave --database out.")
        }
        let plan = try database.map { try ConnectionPlan($0) }
        try plan.map { try Dump($0).demandEmpty() }
        guard let data = FileManager.default.contents(atPath: source.path + "/" + BackupSums.file) else {
            throw Refusal(.notFound, "\(from) is not a backup.", hint: "Name a folder that `lifelong backup` wrote.")
        }
        let expected = try CanonicalJSON.decode(BackupSums.self, from: data, limit: 64 << 20)
        let found = try BackupSums.of(source.path)
        for (file, sum) in expected.files.sorted(by: { $0.key < $1.key }) where found.files[file] != sum {
            throw Refusal(
                .conflict, "The backup is damaged: \(file) is not what was copied.",
                hint: "Restore from another backup.")
        }
        let target = ServerHome(home)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw Refusal(.conflict, "\(target.path) exists.", hint: "Name a new home; nothing is overwritten.")
        }
        try DurableFile.makeFolder((target.path as NSString).deletingLastPathComponent)
        try FileManager.default.copyItem(atPath: source.path, toPath: target.path)
        try FileManager.default.removeItem(atPath: target.path + "/" + BackupSums.file)
        if let plan, let setting = database {
            try await Dump(plan).read(from: target.dumpFile)
            try FileManager.default.removeItem(atPath: target.dumpFile)
            var configuration = try ServerConfiguration.read(target.configurationFile)
            configuration.database = setting
            configuration.artifacts = ""
            try DurableFile.write(
                Array(ConfigurationTemplate.text(configuration).utf8), to: target.configurationFile)
        }
        let restored = try target.requireDatabase()
        let report = try await Audit.run(restored)
        try restored.close()
        guard report.findings.isEmpty else {
            throw Refusal(
                .conflict,
                "The restored copy does not pass the audit: \(report.findings[0].what): \(report.findings[0].finding)",
                hint: "Run `lifelong audit --home \(home)` for all findings; restore an older backup.")
        }
        print(
            "Restored to \(target.path): \(report.entries) ledger entries, \(report.devices) devices, audit without findings."
        )
    }
}

/// SHA-256 of every file of a backup.
struct BackupSums: Codable {
    static let file = "backup.json"
    var files: [String: String]

    static func of(_ folder: String) throws -> BackupSums {
        var files: [String: String] = [:]
        let paths = FileManager.default.enumerator(atPath: folder)
        while let name = paths?.nextObject() as? String {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder),
                !isFolder.boolValue, name != file, !name.hasSuffix("-wal"), !name.hasSuffix("-shm")
            else { continue }
            files[name] = try sum(folder + "/" + name)
        }
        return BackupSums(files: files)
    }

    private static func sum(_ path: String) throws -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(.unavailable, "\(path) cannot be read.", hint: "Check its mode.")
        }
        defer { try? file.close() }
        var hasher = SHA256()
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { hasher.update(data: piece) }
        return Hex.encode(hasher.finalize())
    }
}
