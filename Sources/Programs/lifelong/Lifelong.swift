import ArgumentParser
import Foundation
import Wire

/// `lifelong`: the server and the command line in one binary.
@main
struct Lifelong: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lifelong",
        abstract: "Security for the whole life of connected devices.",
        discussion: """
            Start here:
              lifelong serve --home lifelong-home     start the platform, and get a sign-in link
              lifelong demo                           watch a small fleet live through a whole life
              lifelong passport SERIAL                read the life of one device
            """,
        version: ProgramVersion.text,
        subcommands: Subcommands.all)

    static func main() async {
        // Tools like `head` close their end early; that is no reason to die with a signal in the middle of a write.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch let refusal as Refusal {
            Terminal.tell(refusal)
            Foundation.exit(1)
        } catch {
            exit(withError: error)
        }
    }
}

enum ProgramVersion {
    static let text = "0.1.0"
}

/// The one place where a refusal becomes terminal text.
enum Terminal {
    static func tell(_ refusal: Refusal) {
        let rule = refusal.rule.map { " [\($0)]" } ?? ""
        FileHandle.standardError.write(Data("lifelong: \(refusal.detail)\(rule)\n  → \(refusal.hint)\n".utf8))
    }
}
