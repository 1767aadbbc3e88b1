import Foundation
import Testing
import Wire
import Workbench

/// Shell scripts that a user could type, against the built program `$L`.
enum ServerScript {
    /// The program lies beside the tests.
    static func program() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        return try #require(
            [own, bundle].compactMap { $0.map { ($0 as NSString).deletingLastPathComponent + "/lifelong" } }
                .first { FileManager.default.isExecutableFile(atPath: $0) })
    }

    /// Starts a server in the background of the script and waits until it says where it is.
    private static let start = """
        start() {
          # What an earlier server of this home said is not what this one says.
          rm -f "$1.out"
          "$L" serve --home "$1" --device 127.0.0.1:${2:-0} --people 127.0.0.1:0 --public 127.0.0.1:0 >"$1.out" 2>"$1.err" &
          server=$!
          for i in $(seq 1 200); do grep -qs console "$1.out" && return 0; kill -0 $server 2>/dev/null || return 1; sleep 0.1; done
          return 1
        }
        stop() { kill -TERM $server; wait $server; }

        """

    static func run(
        _ text: String, program: String, in folder: String, seconds: Int = 90
    ) async throws -> (status: Int32, said: String) {
        try await Shell.run("L='\(program)'\n" + start + text, in: folder, seconds: seconds)
    }
}
