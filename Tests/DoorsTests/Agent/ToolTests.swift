import Agent
import Foundation
import Testing
import Wire

@Suite struct `A tool of the system` {
    @Test func `gives its words, its errors and its code`() async throws {
        let done = try await Tool.run(
            ["sh", "-c", "cat; echo \"$MARK\" >&2; exit 3"], environment: ["MARK": "here"], input: Array("in".utf8),
            limit: .seconds(20))
        #expect(done.code == 3 && done.text == "in" && done.errors == "here\n")
    }

    @Test func `that is not there is a refusal`() async {
        await #expect { try await Tool.run(["/nowhere/tool"], limit: .seconds(1)) } throws: {
            ($0 as? Refusal)?.code == .unavailable
        }
    }

    @Test func `that was killed says by what`() async throws {
        let done = try await Tool.run(["sh", "-c", "kill -9 $$"], limit: .seconds(20))
        #expect(done.code == -9)
    }

    @Test(.timeLimit(.minutes(1))) func `is ended in time, with all that it started`() async throws {
        let mark = NSTemporaryDirectory() + "tool-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let done = try await Tool.run(
            ["sh", "-c", "sh -c 'sleep 2; echo alive >\(mark)' & wait"], limit: .milliseconds(300))
        #expect(done.code == nil)
        try await Task.sleep(for: .seconds(2.5))
        #expect(!FileManager.default.fileExists(atPath: mark))
    }

    /// As a health command may start a service that stays.
    @Test(.timeLimit(.minutes(1))) func `is over when it ends, whoever still holds its streams`() async throws {
        let began = ContinuousClock.now
        let done = try await Tool.run(["sh", "-c", "sleep 30 & echo $!"], limit: .seconds(25))
        #expect(done.code == 0 && .now - began < .seconds(20))
        if let left = pid_t(done.text.trimmingCharacters(in: .newlines)) { kill(left, SIGKILL) }
    }

    @Test func `may say more than is kept`() async throws {
        let done = try await Tool.run(["sh", "-c", "head -c 3000000 /dev/zero"], limit: .seconds(30))
        #expect(done.code == 0 && done.output.count == 1 << 20)
    }
}
