import Foundation
import Keys
import KeysPKCS11
import Registry
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

/// The reference implementation's client against our own server, and against mirrors of it.
@Suite(
    .enabled(if: PythonTUF.isHere && TokenBench.isInstalled(), "tuf or softhsm2 is not installed (make test does it)"))
struct `A repository that the server serves` {
    @Test(.timeLimit(.minutes(2)))
    func `is taken by the reference client, with releases that a token signed, and no mirror of it that lies`()
        async throws
    {
        let token = try await TokenBench()
        let store = try await token.open()
        let bench = try await HouseBench()
        // The client goes by the machine's clock.
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        bench.clock.advance(seconds: now.seconds(since: bench.clock.now))
        let updates = try await UpdateBench(
            bench, token: try store.make(KeyLabel("grace-os"), algorithm: .p256))
        let root = try #require(try await updates.files()["1.root.json"])
        try Data(root).write(to: URL(filePath: bench.folder + "/root.json"))
        func line(_ step: String, _ sequence: Int) -> String {
            let bytes = Array("os \(sequence)".utf8)
            return "\(step) \(UpdateBench.path(sequence)) \(bytes.count) \(LeafCertificate.sha256(bytes)) 1.\(sequence)"
        }
        let (first, second) = (UpdateBench.path(1), UpdateBench.path(2))
        let lines = [line("server", 1), line("server", 2), line("faithful mirror", 1), line("faithful mirror", 2)]
        try await DeviceBench.run(bench) { door in
            try await updates.release(1)
            let before = try await PythonTUF.run(["ask", bench.folder, door.open, first, second], in: bench.folder)
            #expect(before == [lines[0], "server \(second) absent"])
            // A new root on the way, signed by the old and the new.
            let next = try await bench.house.perform(DraftRoot(days: 300), as: updates.grace).draft
            for key in updates.rootKeys.suffix(2) { try await updates.sign(next, with: key, as: updates.grace) }
            try await updates.publish([next])
            try await updates.release(2)
            let said = try await PythonTUF.run(["ask", bench.folder, door.open, first, second], in: bench.folder)
            #expect(
                said == lines + [
                    "longer snapshot refused DownloadLengthMismatchError",
                    "other release refused LengthOrHashMismatchError",
                    "other timestamp refused UnsignedMetadataError",
                    "old timestamp refused BadVersionNumberError",
                    "endless root refused DownloadLengthMismatchError", "404", "404", "404", "404",
                ])
        }
    }
}
