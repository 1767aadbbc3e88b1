import Foundation
import Store
import Wire

/// PostgreSQL's own copying programs (Debian: postgresql-client), for `lifelong backup` and `lifelong restore`.
package struct Dump: Sendable {
    private let plan: ConnectionPlan
    package init(_ plan: ConnectionPlan) { self.plan = plan }

    /// One consistent copy of the tables, in pg_dump's custom format.
    package func write(to path: String) async throws {
        let schema = try schema()
        try await run(
            "pg_dump",
            (schema == "public" ? [] : ["--schema=\(schema)"]) + [
                "--format=custom", "--no-owner", "--no-privileges", "--file=\(path)",
                "--dbname=\(plan.text)",
            ])
    }

    /// Makes the tables in a database that has none.
    package func read(from path: String) async throws {
        try await run(
            "pg_restore",
            ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname=\(plan.text)", path])
    }

    /// Refuses a database that holds a Lifelong already: nothing is overwritten.
    package func demandEmpty() throws {
        do throws(SessionTrouble) {
            let session = try SessionSettings.open(plan)
            try session.send("SELECT to_regclass('migration')::TEXT AS name", once: true)
            guard try session.settle().rows.first?.optionalText("name") == nil else {
                throw SessionTrouble(state: SessionTrouble.occupied, message: "")
            }
        } catch {
            throw error.refusal
        }
    }

    private func schema() throws -> String {
        do throws(SessionTrouble) {
            let session = try SessionSettings.open(plan)
            try session.send("SELECT current_schema() AS schema", once: true)
            return try session.settle().rows.first?.optionalText("schema") ?? "public"
        } catch {
            throw error.refusal
        }
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch {
            throw Refusal(.unavailable, "\(program) cannot be started.", hint: "Install postgresql-client.")
        }
        // Read to its end, so that a talkative program does not wait for us; it speaks of names, never of rows.
        let words = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let first = String(decoding: words.prefix(2000), as: UTF8.self).split(separator: "\n").first ?? ""
            throw Refusal(
                .unavailable, "\(program) ended with \(process.terminationStatus): \(first)",
                hint: process.terminationStatus == 127
                    ? "Install postgresql-client." : "Check the setting \"database\" and the free space.")
        }
    }
}
