import Foundation

/// The built `lifelong` in a folder of its own, used as a person at a shell uses it.
package final class ScriptBench: Sendable {
    package let folder: String
    /// Where the built programs lie.
    package let built: String
    package let program: String

    package init() throws {
        folder = NSTemporaryDirectory() + "program-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        program = try BuiltProgram.path("lifelong")
        built = URL(filePath: program).deletingLastPathComponent().path
    }

    package func end() { try? FileManager.default.removeItem(atPath: folder) }

    /// Starts a server in the background of the script and waits until it says where it is.
    private static let start = """
        start() {
          # What an earlier server of this home said is not what this one says.
          rm -f "$1.out"
          "$L" serve --home "$1" --device 127.0.0.1:${2:-0} --people 127.0.0.1:0 --public 127.0.0.1:0 >"$1.out" 2>"$1.err" &
          server=$!
          for i in $(seq 1 300); do grep -qs console "$1.out" && return 0; kill -0 $server 2>/dev/null || return 1; sleep 0.05; done
          return 1
        }
        stop() { kill -TERM $server; wait $server; }
        trap 'kill -KILL $server 2>/dev/null' EXIT

        """

    package func script(_ text: String, seconds: Int = 120) async throws -> (status: Int32, said: String) {
        let whole = "L='\(program)'\nBUILT='\(built)'\n" + Self.start + text
        return try await Shell.run(whole, in: folder, seconds: seconds)
    }
}
