import Foundation
import Testing
import Workbench

/// The repository's own scripts with programs that fail in place of ours: what they must say then.
@Suite(.enabled(if: !BenchEngine.isPostgreSQL, "needs no database"))
struct `A script whose program fails` {
    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "scripts").path

    private func script(_ text: String) async throws -> (status: Int32, said: String) {
        let folder = NSTemporaryDirectory() + "scripts-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let copy = "cp -r '\(Self.scripts)' scripts && mkdir -p .build/release .build-fuzz/release || exit 9\n"
        return try await Shell.run(copy + text, in: folder, seconds: 60)
    }

    @Test func `fails as well, also with a fuzz target that dies without an input to show for it`() async throws {
        let run = try await script(
            """
            cat > .build-fuzz/release/lifelong-fuzz <<'END'
            #!/bin/bash
            case $1 in
            list | seeds) ;;
            good) echo 'stat::number_of_executed_units: 1000' ;;
            dies) kill -KILL $$ ;;
            idle) echo 'stat::number_of_executed_units: 0' ;;
            late) echo 'stat::number_of_executed_units: 7'; exit 1 ;;
            esac
            END
            chmod +x .build-fuzz/release/lifelong-fuzz
            SKIP_BUILD=1 scripts/fuzz.sh 1 good; echo "good $?"
            for target in dies idle late; do SKIP_BUILD=1 scripts/fuzz.sh 1 good $target 2>&1; echo "$target $?"; done
            """)
        for part in ["good 0", "dies 1", "idle 1", "late 1", "Ended before their time: late"] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
    }

    @Test func `leaves no home of a million devices behind`() async throws {
        let run = try await script(
            """
            printf '#!/bin/bash\\n' > scripts/build.sh
            printf '#!/bin/bash\\nmkdir -p "$2"; echo much > "$2/lifelong.db"; [ "$1" = make ]\\n' > .build/release/lifelong-scale
            chmod +x .build/release/lifelong-scale
            scripts/scale.sh 1000 2>&1; echo "ended $?"; ls -d .build/scale-home-* 2>&1
            """)
        #expect(run.said.contains("audit 1000: ") && run.said.contains("ended 1"), "\(run.said)")
        #expect(run.said.contains("No such file"), "\(run.said)")
    }
}
