import Agent
import ArgumentParser
import Foundation
import TUF
import Wire

/// The entry point that theupdateframework/tuf-conformance drives (its CLIENT-CLI.md); no part of the product.
@main
struct TUFClientProgram: AsyncParsableCommand {
    enum Verb: String, ExpressibleByArgument, CaseIterable { case `init`, refresh, download }

    static let configuration = CommandConfiguration(
        commandName: "lifelong-tuf-client",
        abstract: "A client of update metadata (TUF 1.0.34): begin to trust a root, refresh, download.",
        discussion: """
            Example:
              lifelong-tuf-client --metadata-dir trusted init root.json
              lifelong-tuf-client --metadata-dir trusted --metadata-url http://127.0.0.1:8080/metadata/ refresh
            """)

    @Option(help: "Folder of the metadata that is trusted.") var metadataDir: String
    @Option(help: "Base of the repository's metadata.") var metadataUrl: String?
    @Option(name: .customLong("target-name"), help: "Path of a target; may be repeated.") var targetNames: [String] = []
    @Option(help: "Folder for targets.") var targetDir: String?
    @Option(help: "Base of the repository's targets.") var targetBaseUrl: String?
    @Argument(help: "init, refresh or download") var verb: Verb
    @Argument(help: "The root to trust, for init.") var trustedRoot: String?

    func run() async throws {
        do {
            switch verb {
            case .`init`: try begin()
            case .refresh, .download: try await update()
            }
        } catch let refusal as MetadataRefusal {
            try fail(refusal.refusal.description)
        } catch let refusal as Refusal {
            try fail(refusal.description)
        } catch {
            try fail("\(error)")
        }
    }

    private func fail(_ sentence: String) throws {
        FileHandle.standardError.write(Data("error: \(sentence)\n".utf8))
        throw ExitCode.failure
    }

    private func required(_ value: String?, _ option: String) throws -> String {
        guard let value else { throw Refusal(.malformed, "\(option) is missing.", hint: "Give it.") }
        return value
    }

    private var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    private func begin() throws {
        let disk = PosixDisk()
        let limits = UpdateLimits()
        let path = try required(trustedRoot, "TRUSTED_ROOT")
        guard let root = try disk.readWhole(path, limit: limits.rootBytes) else {
            throw Refusal(.notFound, "There is no file \(path).", hint: "Name the root to trust.")
        }
        _ = try RootStep(trusted: root, at: now, limits: limits)
        try disk.makeFolder(metadataDir)
        try MetadataFolder(on: disk, at: metadataDir).write("root", root)
    }

    private func update() async throws {
        let transport = DeviceTransport()
        do {
            try await update(with: transport)
        } catch {
            await transport.shutdown()
            throw error
        }
        await transport.shutdown()
    }

    private func update(with transport: DeviceTransport) async throws {
        let fetch = RepositoryFetch(transport: transport, metadata: try required(metadataUrl, "--metadata-url"))
        let client = RepositoryClient(
            folder: MetadataFolder(on: PosixDisk(), at: metadataDir), fetch: fetch, now: now)
        let repository = try await client.refresh()
        guard verb == .download else { return }
        let folder = try required(targetDir, "--target-dir")
        let download = TargetDownload(
            fetch: fetch, base: try required(targetBaseUrl, "--target-base-url"), disk: PosixDisk())
        for name in targetNames {
            guard let target = try await client.find(name, in: repository) else {
                throw Refusal(
                    .notFound, "The repository has no target \"\(name)\".", hint: "Ask for one that it lists.",
                    rule: "TUF 1.0.34 §5.7.2")
            }
            try await download.download(target, into: folder)
        }
    }
}
