import ArgumentParser
import Dispatch
import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// `lifelong demo`: the first life, told as it happens.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Watch a small fleet live through a whole life.",
        discussion: """
            Starts a server, a factory line, agents as processes of their own and a simulated fleet, all on 127.0.0.1, and
            tells what happens: birth, a diverted unit, pairing, enrolment, configuration, an update, updates by Debian's
            SWUpdate and Mender client, a bad release that stops at its canary, a quarantine, a resale, a retirement; then verifies the ledger as a stranger would. Every step is checked; ends with 1 if one did not
            happen as told. What an earlier demo left in the same folder is removed first.

            Example:
              lifelong demo --home run-home --keep-open
            """)

    @Option(help: ArgumentHelp("Folder for everything; made anew.", valueName: "folder")) var home = "run-home"
    @Option(help: "Agents as processes of their own, at least 6.") var devices = 25
    @Option(help: "Devices of the simulated fleet.") var fleet = 1000
    @Option(help: ArgumentHelp("Size of the thermostats' release.", valueName: "MiB")) var artifactSize = 6
    @OptionGroup(title: "Keys in a token") var token: TokenOptions
    @Flag(help: "Leave server, agents and console running until Ctrl-C.") var keepOpen = false

    func validate() throws {
        guard (6...200).contains(devices), (1...100_000).contains(fleet), (1...64).contains(artifactSize) else {
            throw ValidationError("--devices is 6 to 200, --fleet 1 to 100000, --artifact-size 1 to 64.")
        }
    }

    func run() async throws {
        OpenFiles.raise(to: 65_536)
        // A reader that goes away must not end this process before it has ended its children.
        signal(SIGPIPE, SIG_IGN)
        var settings = Story.Settings(programs: try Self.programFolder())
        settings.home = home
        settings.devices = devices
        settings.fleet = fleet
        settings.artifactBytes = artifactSize << 20
        settings.keys = try token.configuration
        let narrator = Narrator()
        let story = try Story(settings, narrator: narrator)
        let outcome = await Self.untilTerminated {
            try await story.tell()
            if keepOpen { try await Self.stayOpen(story) }
        }
        // Whatever happened: no process is left behind.
        story.end()
        switch outcome {
        case .success: narrator.tell("Everything is stopped. What happened is in \(story.home.path).")
        case .failure(is CancellationError):
            narrator.tell("Stopped before its end; every process is ended.")
            throw ExitCode(130)
        case .failure(let error): throw error
        }
    }

    private static func stayOpen(_ story: Story) async throws {
        let link = try await story.signInLink()
        story.narrator.chapter("The console is open")
        story.narrator.tell("Sign in, once, within 15 minutes: \(link)")
        story.narrator.detail("server and agents go on living; Ctrl-C ends them all")
        do {
            while true { try await Task.sleep(for: .seconds(3600)) }
        } catch is CancellationError {}
    }

    /// Runs the work as a task that SIGINT, SIGTERM and SIGHUP cancel.
    private static func untilTerminated(_ work: @escaping @Sendable () async throws -> Void) async -> Result<
        Void, any Error
    > {
        let task = Task { try await work() }
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            sigaddset(&unblocked, number)
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { task.cancel() }
            source.resume()
            return source
        }
        // Whoever started this process may have blocked them.
        pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
        defer { for source in sources { source.cancel() } }
        return await task.result
    }

    /// Where this program lies, and beside it the agent.
    private static func programFolder() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = (own as NSString).deletingLastPathComponent
        guard FileManager.default.isExecutableFile(atPath: folder + "/lifelong-agent") else {
            throw Refusal(
                .notFound, "There is no lifelong-agent beside \(own).", hint: "Build all programs first: swift build")
        }
        return folder
    }
}
