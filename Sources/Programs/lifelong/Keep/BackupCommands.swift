import ArgumentParser
import Foundation
import KeysFile
import Registry
import Store
import StorePostgreSQL
import Wire

#if canImport(Glibc)
import Glibc
#endif

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
        // Nothing is pruned until the artifacts are copied, too.
        let artifacts = try ArtifactFolder(home.artifactFolder(home.configuration()))
        let lock = try artifacts.lock(to: .copy)
        defer { withExtendedLifetime(lock) {} }
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
        try FileManager.default.copyItem(atPath: artifacts.path, toPath: copy.path + "/artifacts")
        let sums = try BackupSums.of(copy.path)
        // On the disk before the list that makes it a backup.
        sync()
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
        // Beside it first: a restore that was cut off must not look like a home.
        let half = ServerHome(target.path + ".restoring")
        try? FileManager.default.removeItem(atPath: half.path)
        try DurableFile.makeFolder((target.path as NSString).deletingLastPathComponent)
        try FileManager.default.copyItem(atPath: source.path, toPath: half.path)
        try FileManager.default.removeItem(atPath: half.path + "/" + BackupSums.file)
        if let plan, let setting = database {
            try await Dump(plan).read(from: half.dumpFile)
            try FileManager.default.removeItem(atPath: half.dumpFile)
            var configuration = try ServerConfiguration.read(half.configurationFile)
            configuration.database = setting
            configuration.artifacts = ""
            try DurableFile.write(
                Array(ConfigurationTemplate.text(configuration).utf8), to: half.configurationFile)
        }
        let restored = try half.requireDatabase()
        let report = try await Audit.run(restored)
        let last = try await restored.read { rows in
            try rows.first("SELECT last_at FROM ledger_size WHERE one = 1")?.time("last_at")
        }
        try restored.close()
        guard report.findings.isEmpty else {
            throw Refusal(
                .conflict,
                "The restored copy does not pass the audit: \(report.findings[0].what): \(report.findings[0].finding)",
                hint: "Run `lifelong audit --home \(half.path)` for all findings; restore an older backup.")
        }
        sync()
        guard rename(half.path, target.path) == 0 else {
            throw Refusal(
                .unavailable, "\(half.path) could not be renamed to \(target.path).", hint: "Check the folder above.")
        }
        try DurableFile.syncFolder(of: target.path)
        print(
            "Restored to \(target.path): \(report.entries) ledger entries, \(report.devices) devices, audit without findings."
        )
        if let last { print("It ends at \(last). What was answered after that is lost: see docs/operating.md.") }
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
            files[name] = try HomeCheck.sha256(folder + "/" + name)
        }
        return BackupSums(files: files)
    }
}
